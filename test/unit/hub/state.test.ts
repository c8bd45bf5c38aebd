/** Readers of a channel's state, over the real hub without sockets. */
import { expect, test } from 'vitest';
import { publish } from '../../../server/hub/publish.ts';
import { HubCore } from '../../support/hub-core.ts';
import { record } from '../../support/raw-client.ts';
import { until } from '../../support/until.ts';

const channelLimits = { state: { maxKeys: 2 } };

function put(core: HubCore, key: string, value: unknown, channel = 'a'): void {
  publish(
    core.hub,
    core.publisher,
    { op: 'publish', id: 0, ack: 'memory', entries: [{ channel, records: [record(value, key)] }] },
    () => true,
    ({ error }) => core.refusals.push(error),
  );
}

test('a state that goes on, to beyond what a later history has, is whole at once (its reader waited for as many records, and with it every store read of its connection)', async () => {
  const core = await HubCore.open({ channelLimits });
  put(core, 'k', 1);
  await core.flush();
  const epoch = core.hub.logs.epoch;
  // It was cut off while loading; the data folder was exchanged meanwhile.
  const from = { state: { epoch: epoch - 1, offset: 40 }, upTo: { epoch: epoch - 1, offset: 1000 } };
  const { reader, sink } = core.connect();
  const { history, subscription } = await core.subscribe(reader, 'a', from);
  await until(() => subscription.state === 'live', { what: 'the reader to be live', have: () => history });
  expect(history.isStateWhole).toBe(true);
  expect(history.gaps).toMatchObject([{ reason: 'lost', count: null }]);
  expect(history.records.map(({ key }) => key)).toEqual(['k']);
  sink.check();
});

test('a tombstone needs no room among the keys, even of a key that is not there', async () => {
  const core = await HubCore.open({ channelLimits });
  put(core, 'k', 1);
  put(core, 'l', 1);
  put(core, 'm', null);
  expect(core.refusals).toEqual([]);
  put(core, 'm', 1);
  expect(core.refusals).toMatchObject([{ code: 'too-many-keys' }]);
});
