/** A reader whose whole process is frozen while the hub goes on. Needs `npm run build`. */
import { expect, onTestFinished, test } from 'vitest';
import { encodeValue } from '../../shared/msgpack.ts';
import type { Cursor } from '../../shared/terms.ts';
import type { RawClient } from '../support/raw-client.ts';
import { startHub, type TestHub } from '../support/start-hub.ts';
import { until } from '../support/until.ts';
import type { LoggedRecord } from './crash/accounts.ts';
import { auditReader } from './crash/audit-reader.ts';
import type { ReaderPlan } from './crash/load-reader.ts';
import { payloadOf } from './crash/payload.ts';
import { RemoteCrew } from './crash/remote-crew.ts';

const DIST = new URL('../../dist/', import.meta.url);
const CHANNEL = 'a';
const BATCH = 50;
const BATCHES = 400;
const FILLER_LENGTH = 900;
const READERS: readonly ReaderPlan[] = [
  { name: 'replay', channel: CHANNEL },
  { name: 'drop-oldest', channel: CHANNEL, policy: 'drop-oldest', maxLagRecords: 1000 },
];
/** What the hub keeps for a reader that takes nothing: a mark and a page, and not the 18 MB that go by. */
const MOST_BUFFERED_BYTES = 200_000;

/** Publishes to a channel of its own, and knows what the log must be. */
class Feed {
  readonly log: LoggedRecord[] = [];
  readonly #publisher: RawClient;

  constructor(publisher: RawClient) {
    this.#publisher = publisher;
  }

  get head(): Cursor {
    const { epoch, offset } = this.log.at(-1)!;
    return { epoch, offset };
  }

  async publish(): Promise<void> {
    const publisher = this.#publisher;
    const ids = Array.from({ length: BATCH }, (_, i) => `p/${this.log.length + i}`);
    const payload = (of: string) => encodeValue(payloadOf(of, FILLER_LENGTH));
    const records = ids.map((id) => ({ key: null, meta: { id }, payload: payload(id) }));
    const id = publisher.nextId();
    publisher.send({ op: 'publish', id, ack: 'memory', entries: [{ channel: CHANNEL, records }] });
    const { epoch, firstOffsets } = await publisher.published(id);
    publisher.frames.length = 0;
    for (const [i, each] of ids.entries()) {
      const offset = firstOffsets[0]! + i;
      this.log.push({ epoch, offset, id: each, key: null, isTombstone: false, intact: true });
    }
  }
}

async function startFrozen(hub: TestHub): Promise<RemoteCrew> {
  // One that takes the hub for dead when it wakes would come back with all of it as history.
  const pingIntervalsMs = [60_000];
  const plan = { url: hub.url, token: await hub.token(), publishers: [], readers: READERS, pingIntervalsMs };
  const crew = await RemoteCrew.start(DIST, plan, 1);
  onTestFinished(() => crew.kill());
  return crew;
}

test('a frozen reader process holds up nobody, costs the hub a page, and has read everything soon after it is thawed', async () => {
  const hub = await startHub();
  const frozen = await startFrozen(hub);
  const quick = await hub.connect();
  const { channelNumber } = await quick.subscribe(CHANNEL, 'earliest');
  const feed = new Feed(await hub.connect());
  await feed.publish();

  frozen.freeze();
  let mostBuffered = 0;
  for (let i = 1; i < BATCHES; i++) {
    await feed.publish();
    if (i % 20 === 0) mostBuffered = Math.max(mostBuffered, await hub.metric('ringcast_buffered_bytes'));
  }
  const isComplete = () => quick.history(channelNumber).values.length === feed.log.length;
  await until(isComplete, { what: 'the quick reader', have: () => quick.history(channelNumber).cursor });
  expect(quick.history(channelNumber).gaps).toEqual([]);
  expect(mostBuffered).toBeLessThan(READERS.length * MOST_BUFFERED_BYTES);

  frozen.thaw();
  await frozen.catchUp({ [CHANNEL]: feed.head });
  const { readers, failures } = await frozen.report();
  const log = { channel: CHANNEL, records: feed.log };
  expect(readers.flatMap((each) => auditReader(each, log))).toEqual([]);
  expect(failures).toEqual([]);
  const [replay, dropOldest] = readers;
  expect(replay!.handed).toHaveLength(feed.log.length);
  expect(dropOldest!.handed.length).toBeLessThan(feed.log.length);
  expect(dropOldest!.handed.some((item) => 'gap' in item && item.gap.reason === 'dropped')).toBe(true);
}, 60_000);
