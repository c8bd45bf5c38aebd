/** The SDK in a Web Worker: posts to its page what it is given. */
import { connect } from '../../../client/index.ts';
import type { WorkerParams } from './in-worker.ts';

addEventListener('message', async ({ data: { url, token, channel } }: MessageEvent<WorkerParams>) => {
  const client = await connect(url, { token });
  client.subscribe(channel, { from: 'earliest' }, ({ data }) => postMessage(data));
  await client.publish(channel, 'from the worker');
});
