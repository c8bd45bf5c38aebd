/** Measures how long it takes from `connect` to the first record, as `window.firstRecordMs`, one after the other. */
import { connect } from '../../../client/index.ts';
import { readParams } from './params.ts';

export interface FirstRecordParams {
  readonly url: string;
  readonly token: string;
  readonly channel: string;
  readonly times: number;
}

declare global {
  interface Window {
    firstRecordMs: number[];
  }
}

const { url, token, channel, times } = readParams<FirstRecordParams>();
window.firstRecordMs = [];
for (let time = 0; time < times; time++) {
  const startMs = performance.now();
  const client = await connect(url, { token });
  for await (const record of client.subscribe(channel, { from: { last: 1 } })) {
    if (record.data === 'first') break;
  }
  window.firstRecordMs.push(performance.now() - startMs);
  await client.close();
}
