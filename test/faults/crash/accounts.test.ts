import { expect, test } from 'vitest';
import type { Gap } from '../../../shared/terms.ts';
import type {
  FindingKind,
  Handed,
  HandedRecord,
  LoggedRecord,
  Published,
  ReaderAccount,
} from './accounts.ts';
import { auditLogs } from './audit-log.ts';
import { auditReader } from './audit-reader.ts';

const of = (epoch: number, offset: number) => ({ epoch, offset });

function publish(id: string, more: Partial<Published> = {}): Published {
  const [publisher, counter] = id.split('/');
  const rest = { channel: 'a', ack: 'disk', group: null, outcome: 'acked', cursor: null } as const;
  return { id, publisher: publisher!, counter: Number(counter), ...rest, ...more };
}

function logged(epoch: number, offset: number, id: string, more: Partial<LoggedRecord> = {}): LoggedRecord {
  return { epoch, offset, id, key: null, isTombstone: false, intact: true, ...more };
}

function handed(...args: Parameters<typeof logged>): HandedRecord {
  return { ...logged(...args), inState: false };
}

const gap = (
  after: Gap['after'],
  upTo: Gap['upTo'],
  count: number | null,
  reason: Gap['reason'],
): Handed => ({
  gap: { after, upTo, count, reason },
});

/** The log that most readers below read: epoch 3 ended at 2, epoch 4 goes on. */
const LOG = [logged(3, 1, 'p/1'), logged(3, 2, 'p/2'), logged(4, 3, 'p/4'), logged(4, 4, 'p/5')];
const CRASH = gap(of(3, 2), of(4, 2), null, 'lost');

function kindsOfLogs(published: Published[], a: LoggedRecord[], b: LoggedRecord[] = []): FindingKind[] {
  const logs = [
    { channel: 'a', records: a },
    { channel: 'b', records: b },
  ];
  return auditLogs(published, logs).map(({ kind }) => kind);
}

function kindsOfReader(
  items: Handed[],
  more: Partial<ReaderAccount> = {},
  records: readonly LoggedRecord[] = LOG,
): FindingKind[] {
  const plain = { policy: 'replay', durable: false, begin: of(0, 0), failure: null } as const;
  const account: ReaderAccount = { name: 'r', channel: 'a', ...plain, handed: items, ...more };
  const findings = auditReader(account, { channel: 'a', records });
  return [...new Set(findings.map(({ kind }) => kind))];
}

test('logs that hold each acknowledged record once, in order, have no findings', () => {
  const published = [publish('p/1'), publish('p/2', { cursor: of(3, 2) }), publish('q/1')];
  expect(kindsOfLogs(published, [logged(3, 1, 'p/1'), logged(3, 2, 'p/2'), logged(4, 3, 'q/1')])).toEqual([]);
});

test('a record acknowledged from the disk that is not in the log is lost', () => {
  expect(kindsOfLogs([publish('p/1')], [])).toEqual(['lost']);
});

test('a record acknowledged from memory may be gone with the end of its epoch, and only so', () => {
  const gone = publish('p/1', { ack: 'memory', cursor: of(3, 2) });
  expect(kindsOfLogs([gone, publish('q/1')], [logged(3, 1, 'q/1')])).toEqual([]);
  expect(
    kindsOfLogs([gone, publish('q/1'), publish('q/2')], [logged(3, 1, 'q/1'), logged(3, 2, 'q/2')]),
  ).toEqual(['mistaken']);
});

test('a record that is in the log twice is a duplicate, whatever its acknowledgement', () => {
  const published = [publish('p/1', { ack: 'memory' })];
  expect(kindsOfLogs(published, [logged(3, 1, 'p/1'), logged(4, 2, 'p/1')])).toEqual(['duplicates']);
});

test('a publishMany of which the log holds one half is split', () => {
  const whole = (outcome: string) => [
    publish('p/1', { group: 'g', outcome, ack: 'memory' }),
    publish('p/2', { group: 'g', outcome, ack: 'memory', channel: 'b' }),
  ];
  expect(kindsOfLogs(whole('acked'), [logged(3, 1, 'p/1')])).toEqual(['split']);
  expect(kindsOfLogs(whole('acked'), [logged(3, 1, 'p/1')], [logged(3, 1, 'p/2')])).toEqual([]);
  expect(kindsOfLogs(whole('acked'), [])).toEqual([]);
});

test('records of one publisher that lie in another order are misordered', () => {
  const published = [publish('p/1'), publish('p/2')];
  expect(kindsOfLogs(published, [logged(3, 1, 'p/2'), logged(3, 2, 'p/1')])).toEqual(['misordered']);
});

test('a refused publish that was taken all the same is a duplicate when it is sent again, so it counts as one', () => {
  const published = [publish('p/1', { outcome: 'forbidden' })];
  expect(kindsOfLogs(published, [logged(3, 1, 'p/1')])).toEqual(['refused', 'duplicates']);
  expect(kindsOfLogs([publish('p/1', { outcome: 'pending' })], [])).toEqual(['refused']);
});

test('what nobody published, what was changed and what lies at a wrong offset is mistaken', () => {
  expect(kindsOfLogs([], [logged(3, 1, 'p/1')])).toEqual(['mistaken']);
  expect(kindsOfLogs([publish('p/1')], [logged(3, 1, 'p/1', { intact: false })])).toEqual(['mistaken']);
  expect(kindsOfLogs([publish('p/1')], [logged(3, 2, 'p/1')])).toEqual(['mistaken']);
});

test('a reader that is handed the whole log with the crash announced has no findings', () => {
  const [one, two, four, five] = LOG.map((each) => ({ ...each, inState: false }));
  expect(kindsOfReader([one!, two!, CRASH, four!, five!])).toEqual([]);
});

test('a reader that is handed a record of before the crash has it withdrawn, and may get it again', () => {
  const withdrawn = [handed(3, 1, 'p/1'), handed(3, 2, 'p/2'), handed(3, 3, 'p/4'), CRASH];
  expect(kindsOfReader([...withdrawn, handed(4, 3, 'p/4'), handed(4, 4, 'p/5')])).toEqual([]);
});

test.each<[claim: string, handed: Handed[], found: FindingKind[]]>([
  [
    'a record left out',
    [handed(3, 1, 'p/1'), CRASH, handed(4, 3, 'p/4'), handed(4, 4, 'p/5')],
    ['wrongGaps'],
  ],
  ['a record left out of one epoch', [handed(3, 2, 'p/2'), CRASH, handed(4, 4, 'p/5')], ['unannouncedHoles']],
  ['a crash without a gap', LOG.map((each) => ({ ...each, inState: false })), ['unannouncedHoles']],
  [
    'a gap told behind the record that it comes before',
    [handed(3, 1, 'p/1'), handed(3, 2, 'p/2'), handed(4, 3, 'p/4'), CRASH, handed(4, 4, 'p/5')],
    ['unannouncedHoles', 'wrongGaps'],
  ],
  [
    'a record handed twice',
    [
      handed(3, 1, 'p/1'),
      handed(3, 2, 'p/2'),
      handed(3, 2, 'p/2'),
      CRASH,
      handed(4, 3, 'p/4'),
      handed(4, 4, 'p/5'),
    ],
    ['duplicates'],
  ],
  [
    'a payload handed twice that was not withdrawn',
    [handed(3, 1, 'p/1'), handed(3, 2, 'p/2'), CRASH, handed(4, 3, 'p/2'), handed(4, 4, 'p/5')],
    ['duplicates', 'mistaken'],
  ],
  [
    'a record of before the crash that was never withdrawn',
    [
      handed(3, 1, 'p/1'),
      handed(3, 2, 'p/2'),
      handed(3, 3, 'x'),
      gap(of(3, 3), of(4, 2), null, 'lost'),
      handed(4, 3, 'p/4'),
      handed(4, 4, 'p/5'),
    ],
    ['mistaken'],
  ],
  ['a reader that stopped short of the head', [handed(3, 1, 'p/1')], ['strandedReaders']],
  [
    'a gap of a reason that the policy does not have',
    [gap(of(0, 0), of(3, 2), 2, 'dropped'), CRASH, handed(4, 3, 'p/4'), handed(4, 4, 'p/5')],
    ['wrongGaps'],
  ],
])('%s is found', (_, items, found) => {
  const kinds = kindsOfReader(items);
  expect(kinds).toEqual(expect.arrayContaining(found));
});

test('a gap must say exactly how many records it covers', () => {
  const rest = [CRASH, handed(4, 3, 'p/4'), handed(4, 4, 'p/5')];
  const dropped = (count: number | null) =>
    kindsOfReader([gap(of(3, 0), of(3, 2), count, 'dropped'), ...rest], {
      policy: 'drop-oldest',
      begin: of(3, 0),
    });
  expect(dropped(2)).toEqual([]);
  expect(dropped(1)).toEqual(['wrongGaps']);
  expect(dropped(null)).toEqual(['wrongGaps']);
});

test('a durable reader has nothing withdrawn', () => {
  const items = [handed(3, 1, 'p/1'), handed(3, 2, 'p/2'), handed(3, 3, 'p/4'), CRASH];
  const all = [...items, handed(4, 3, 'p/4'), handed(4, 4, 'p/5')];
  expect(kindsOfReader(all, { durable: true })).toEqual(['withdrawnDurable']);
});

test('a reader of the state ends with the table that the log says', () => {
  const log = [
    logged(3, 1, 'p/1', { key: 'x' }),
    logged(3, 2, 'p/2', { key: 'y' }),
    logged(3, 3, 'p/3', { key: 'x', isTombstone: true }),
    logged(3, 4, 'p/4', { key: 'z' }),
  ];
  const inState = (at: number): Handed => ({ ...log[at]!, inState: true });
  const inLog = (at: number): Handed => ({ ...log[at]!, inState: false });
  expect(kindsOfReader([inState(0), inState(1), inLog(2), inLog(3)], { begin: of(3, 2) }, log)).toEqual([]);
  expect(kindsOfReader([inState(1), inLog(3)], { begin: of(3, 3) }, log)).toEqual([]);
  expect(kindsOfReader([inState(0), inLog(3)], { begin: of(3, 3) }, log)).toEqual(['unannouncedHoles']);
});
