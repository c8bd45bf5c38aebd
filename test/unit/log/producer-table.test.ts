import { beforeEach, describe, expect, test } from 'vitest';
import type { ChannelLog } from '../../../server/log/channel-log.ts';
import type { LogSet } from '../../../server/log/log-set.ts';
import { createMemoryStore } from '../../../server/log/memory-store.ts';
import type { OrderedStore } from '../../../server/log/ordered-store.ts';
import { ProducerTable } from '../../../server/log/producer-table.ts';
import { decodeProducers, encodeProducers, producersKey } from '../../../server/log/store-keys.ts';
import type { WriteFault } from '../../support/faulty-store.ts';
import {
  crash,
  crashWhenFinished,
  drive,
  flush,
  MAX_DELAY_MS,
  type OpenLogs,
  type OpenOptions,
  openLogs,
  publish,
  turns,
} from '../../support/open-logs.ts';
import { RecordingStore } from '../../support/recording-store.ts';

const LIMITS = { maxCount: 3, maxAgeMs: 1000 };
const KIB = 1024;

describe('what is known of producers', () => {
  let table: ProducerTable;
  beforeEach(() => {
    table = new ProducerTable(LIMITS);
  });

  const known = (...producers: string[]) => producers.map((producer) => table.lastSequence(producer));

  test('is the sequence that was noted last', () => {
    table.note('p', 1, 1, 100);
    table.note('p', 7, 2, 100);
    expect(known('p', 'q')).toEqual([7, undefined]);
  });

  test('is forgotten by count of those who were active least recently', () => {
    for (const producer of ['p', 'q', 'r', 'p', 's']) table.note(producer, 1, 1, 100);
    expect(known('p', 'q', 'r', 's')).toEqual([1, undefined, 1, 1]);
  });

  test('is forgotten by age, once another one is active', () => {
    table.note('p', 1, 1, 100);
    table.note('q', 1, 2, 1100);
    expect(known('p', 'q')).toEqual([1, 1]);
    table.note('q', 2, 3, 1101);
    expect(known('p', 'q')).toEqual([undefined, 2]);
  });

  test('may miss whoever was active at the same time as one that was forgotten, or before', () => {
    for (const [i, producer] of ['p', 'q', 'r', 's', 't'].entries()) table.note(producer, 1, i, 100 + i);
    expect([100, 101, 102, undefined].map((sinceMs) => table.mayHaveForgotten(sinceMs))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test('misses nobody where none was forgotten', () => {
    table.note('p', 1, 1, 100);
    expect([table.mayHaveForgotten(0), table.mayHaveForgotten(undefined)]).toEqual([false, false]);
  });

  test('counts as active when the channel was, where the clock was put back', () => {
    table.note('p', 1, 1, 5000);
    table.note('q', 1, 2, 100);
    table.note('p', 2, 3, 5000);
    expect(known('p', 'q')).toEqual([2, 1]);
  });

  test('comes back from its bytes, those to be forgotten next first', () => {
    for (const [i, producer] of ['p', 'продюсер', 'r', 's'].entries())
      table.note(producer, 2 ** 40, i, 100 + i);
    const stored = decodeProducers(table.takeValue(9)!);
    table = new ProducerTable(LIMITS, stored);
    expect([table.isUnsaved, ...known('p', 'продюсер', 'r')]).toEqual([false, undefined, 2 ** 40, 2 ** 40]);
    expect([table.mayHaveForgotten(100), table.mayHaveForgotten(101)]).toEqual([true, false]);
    table.note('t', 1, 10, 104);
    expect(known('продюсер', 'r')).toEqual([undefined, 2 ** 40]);
  });
});

test('a table of another format is refused, as a newer hub’s', () => {
  const value = encodeProducers({ forgottenMs: undefined, states: new Map() });
  value[1] = 2;
  expect(() => decodeProducers(value)).toThrow(TypeError);
});

describe('the table on disk', () => {
  let inner: OrderedStore;
  let recorded: RecordingStore;
  let opened: OpenLogs;
  let logs: LogSet;
  let log: ChannelLog;

  async function open(options: OpenOptions = {}): Promise<void> {
    if (opened) await crash(opened);
    opened = crashWhenFinished(await openLogs({ producers: LIMITS, ...options }, recorded));
    ({ logs } = opened);
    log = await logs.openLog('a');
  }

  beforeEach(async () => {
    inner = createMemoryStore({ keep: true });
    recorded = new RecordingStore(inner);
    opened = undefined as unknown as OpenLogs;
    await open();
  });

  /** An entry of as many records as sizes. */
  function append(producer: string, sequence: number, ...sizes: number[]): void {
    const lastOffset = publish(logs, log, opened.clock.nowMs(), ...sizes);
    log.producers.note(producer, sequence, lastOffset, opened.clock.nowMs());
  }

  const tableWrites = () =>
    recorded.writes.flat().filter(({ key }) => key.equals(producersKey(log.number))).length;

  test('is written with the records, and only where it has changed', async () => {
    append('p', 1, 10);
    await flush(opened);
    expect(tableWrites()).toBe(1);
    publish(logs, log, opened.clock.nowMs(), 10);
    await flush(opened);
    expect([tableWrites(), log.producers.isUnsaved]).toEqual([1, false]);
  });

  test('costs nothing where there are no producers', async () => {
    publish(logs, log, opened.clock.nowMs(), 10);
    await flush(opened);
    expect([tableWrites(), log.producerTable]).toEqual([0, undefined]);
    await open();
    expect(log.producerTable).toBe(undefined);
  });

  test('is never ahead of the records: a write that takes some of the entries has the table of those', async () => {
    opened.store.holdWrites();
    const entries = 8;
    for (let i = 1; i <= entries; i++) append('p', i, 1024 * KIB);
    await turns();
    opened.store.releaseWrites();
    await turns(2);
    await open();
    expect(log.headOffset).toBeGreaterThan(0);
    expect(log.headOffset).toBeLessThan(entries);
    expect(log.producers.lastSequence('p')).toBe(log.headOffset);
  });

  test('of entries that come during a write is the next write’s', async () => {
    append('p', 1, 10);
    opened.store.holdWrites();
    opened.clock.advance(MAX_DELAY_MS);
    await turns();
    append('p', 2, 10);
    opened.store.releaseWrites();
    await turns();
    expect(log.producers.lastSequence('p')).toBe(2);
    await open();
    expect([log.headOffset, log.producers.lastSequence('p')]).toEqual([1, 1]);
  });

  test.each(['nothing-written', 'written-but-reported-failed'] satisfies WriteFault[])(
    'is written again after a write that failed (%s)',
    async (fault) => {
      append('p', 1, 10);
      await flush(opened);
      append('p', 2, 10);
      opened.store.failNextWrite(fault);
      await flush(opened);
      await open();
      expect([log.headOffset, log.producers.lastSequence('p')]).toEqual([2, 2]);
    },
  );

  test('stays where retention takes all records', async () => {
    await open({ retention: { maxAgeMs: 100 }, producers: { maxCount: 3, maxAgeMs: 1e9 } });
    append('p', 3, 10);
    await flush(opened);
    opened.clock.advance(1000);
    await drive(opened, logs.maintain());
    await flush(opened);
    expect(log.oldestOffset).toBe(2);
    await open();
    expect(log.producers.lastSequence('p')).toBe(3);
  });

  test('is loaded again with a log that was forgotten', async () => {
    await open({ ring: { maxAgeMs: 100 }, producers: { maxCount: 3, maxAgeMs: 1e9 } });
    append('p', 3, 10);
    await flush(opened);
    for (let i = 0; logs.get('a') && i < 9; i++) {
      opened.clock.advance(6000);
      await drive(opened, logs.maintain());
    }
    expect(logs.get('a')).toBe(undefined);
    expect((await logs.openLog('a')).producers.lastSequence('p')).toBe(3);
  });

  test('keeps the log in memory where it is not written, as after an entry without records', async () => {
    await open({ ring: { maxAgeMs: 100 } });
    append('p', 1, 10);
    await flush(opened);
    log.producers.note('p', 2, log.headOffset, opened.clock.nowMs());
    for (let i = 0; i < 5; i++) {
      opened.clock.advance(6000);
      await drive(opened, logs.maintain());
    }
    expect(logs.get('a')?.producers.lastSequence('p')).toBe(2);
  });
});
