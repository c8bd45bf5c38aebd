/** A reader whose whole process is frozen while the hub goes on. Needs `npm run build`. */
import { expect, onTestFinished, test } from 'vitest';
import { encodeValue } from '../../shared/msgpack.ts';
import { startHub } from '../support/start-hub.ts';
import { until } from '../support/until.ts';
import type { ChannelAccount, LoggedRecord } from './crash/accounts.ts';
import { auditReader } from './crash/audit-reader.ts';
import { payloadOf } from './crash/payload.ts';
import { RemoteCrew } from './crash/remote-crew.ts';

const DIST = new URL('../../dist/', import.meta.url);
const CHANNEL = 'a';
const BATCH = 50;
const BATCHES = 400;
const FILLER_LENGTH = 900;
/** What the hub keeps for a reader that takes nothing: a mark and a page, and not the 18 MB that go by. */
const MOST_BUFFERED_BYTES = 200_000;

test('a frozen reader process holds up nobody, costs the hub a page, and has read everything soon after it is thawed', async () => {
  const hub = await startHub();
  const readers = [
    { name: 'replay', channel: CHANNEL },
    { name: 'drop-oldest', channel: CHANNEL, policy: 'drop-oldest', maxLagRecords: 1000 },
  ] as const;
  // One that takes the hub for dead when it wakes would come back with all of it as history.
  const pingIntervalsMs = [60_000];
  const plan = { url: hub.url, token: await hub.token(), publishers: [], readers, pingIntervalsMs };
  const frozen = await RemoteCrew.start(DIST, plan, 1);
  onTestFinished(() => frozen.kill());
  const [publisher, quick] = [await hub.connect(), await hub.connect()];
  const { channelNumber } = await quick.subscribe(CHANNEL, 'earliest');
  const log: LoggedRecord[] = [];
  const publish = async () => {
    const ids = Array.from({ length: BATCH }, (_, i) => `p/${log.length + i}`);
    const records = ids.map((id) => ({
      key: null,
      meta: { id },
      payload: encodeValue(payloadOf(id, FILLER_LENGTH)),
    }));
    const id = publisher.nextId();
    publisher.send({ op: 'publish', id, ack: 'memory', entries: [{ channel: CHANNEL, records }] });
    const { epoch, firstOffsets } = await publisher.published(id);
    publisher.frames.length = 0;
    for (const [i, each] of ids.entries()) {
      const offset = firstOffsets[0]! + i;
      log.push({ epoch, offset, id: each, key: null, isTombstone: false, intact: true });
    }
  };
  await publish();

  frozen.freeze();
  let mostBuffered = 0;
  for (let i = 1; i < BATCHES; i++) {
    await publish();
    if (i % 20 === 0) mostBuffered = Math.max(mostBuffered, await hub.metric('ringcast_buffered_bytes'));
  }
  const isComplete = () => quick.history(channelNumber).values.length === log.length;
  await until(isComplete, { what: 'the quick reader', have: () => quick.history(channelNumber).cursor });
  expect(quick.history(channelNumber).gaps).toEqual([]);
  expect(mostBuffered).toBeLessThan(readers.length * MOST_BUFFERED_BYTES);

  frozen.thaw();
  const { epoch, offset } = log.at(-1)!;
  await frozen.catchUp({ [CHANNEL]: { epoch, offset } });
  const { readers: accounts, failures } = await frozen.report();
  const account: ChannelAccount = { channel: CHANNEL, records: log };
  expect(accounts.flatMap((each) => auditReader(each, account))).toEqual([]);
  expect(failures).toEqual([]);
  const [replay, dropOldest] = accounts;
  expect(replay!.handed).toHaveLength(log.length);
  expect(dropOldest!.handed.length).toBeLessThan(log.length);
  expect(dropOldest!.handed.some((item) => 'gap' in item && item.gap.reason === 'dropped')).toBe(true);
}, 60_000);
