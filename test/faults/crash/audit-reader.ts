/**
 * Holds what one reader was handed against the delivery contract and against the log of the end: positions go up, none
 * comes twice, each hole was announced before the record behind it, with its exact count, and what was neither skipped
 * nor withdrawn is what the log says. Pure; called by the crash test.
 *
 * Stricter than PROTOCOL.md: it knows that this hub's offsets are dense and that nothing is trimmed in this test.
 */
import {
  type Cursor,
  compareCursors,
  formatCursor,
  type Gap,
  type GapReason,
} from '../../../shared/terms.ts';
import type {
  ChannelAccount,
  Finding,
  FindingKind,
  HandedRecord,
  LoggedRecord,
  ReaderAccount,
} from './accounts.ts';

/** The reasons for which a policy leaves records out; `lost` beside. */
const REASONS: Readonly<Record<ReaderAccount['policy'], readonly GapReason[]>> = {
  replay: [],
  disconnect: [],
  'drop-oldest': ['dropped'],
  conflate: ['conflated'],
};

export function auditReader(account: ReaderAccount, log: ChannelAccount): Finding[] {
  const audit = new ReaderAudit(account);
  for (const item of account.handed) {
    if ('gap' in item) audit.gap(item.gap);
    else audit.record(item);
  }
  audit.end(log.records);
  return audit.findings;
}

class ReaderAudit {
  readonly findings: Finding[] = [];
  readonly #account: ReaderAccount;
  /** Handed and not withdrawn, in order. */
  readonly #kept: HandedRecord[] = [];
  readonly #keptIds = new Map<string, HandedRecord>();
  readonly #lostGaps: Gap[] = [];
  /** All up to here was handed or announced. Null before the log begins. */
  #at: Cursor | null;
  #inState: boolean;

  constructor(account: ReaderAccount) {
    this.#account = account;
    this.#at = account.begin;
    const first = account.handed[0];
    this.#inState = first !== undefined && !('gap' in first) && first.inState;
  }

  record(record: HandedRecord): void {
    this.#checkOnce(record);
    if (!record.intact) this.#find('mistaken', `${this.#of(record)} is not what was published`);
    if (record.inState) {
      if (!this.#inState) this.#find('misordered', `${this.#of(record)} is of the state, behind the log`);
    } else {
      this.#inState = false;
      this.#checkJoins(record);
      this.#at = { epoch: record.epoch, offset: record.offset };
    }
    this.#kept.push(record);
    this.#keptIds.set(record.id, record);
  }

  gap(gap: Gap): void {
    this.#inState = false;
    const { after, upTo, count, reason } = gap;
    const at = this.#at ?? after;
    const text = `at ${formatCursor(at)} came ${describe(gap)}`;
    const joins = reason === 'lost' ? compareCursors(after, at) <= 0 : compareCursors(after, at) === 0;
    if (!joins || compareCursors(upTo, at) <= 0) this.#find('wrongGaps', text);
    if (reason !== 'lost' && !REASONS[this.#account.policy].includes(reason)) this.#find('wrongGaps', text);
    const isExact = after.epoch === upTo.epoch && count === upTo.offset - after.offset;
    if (count !== null && !isExact) this.#find('wrongGaps', `${text}: not the count of what is missing`);
    // Null where the hub cannot know, and where the SDK cuts what it was told already.
    if (count === null && reason === 'dropped') this.#find('wrongGaps', `${text}: no count`);
    if (reason === 'lost') {
      this.#lostGaps.push(gap);
      this.#withdraw(after);
    }
    this.#at = upTo;
  }

  end(log: readonly LoggedRecord[]): void {
    const { failure } = this.#account;
    if (failure !== null) this.#find('strandedReaders', `it ended: ${failure}`);
    const head = log.at(-1);
    if (head && failure === null && (this.#at?.offset !== head.offset || this.#at.epoch < head.epoch)) {
      const at = this.#at ? formatCursor(this.#at) : 'no position';
      this.#find('strandedReaders', `it stands at ${at}, the head is ${formatCursor(head)}`);
    }
    const byPosition = new Map(log.map((record) => [formatCursor(record), record.id]));
    for (const record of this.#kept) {
      const there = byPosition.get(formatCursor(record));
      if (there === record.id) continue;
      this.#find(
        'mistaken',
        `${this.#of(record)} was not withdrawn, and is ${there ?? 'nothing'} in the log`,
      );
    }
    this.#checkLostGaps(log);
    this.#checkTable(log);
  }

  #checkOnce(record: HandedRecord): void {
    const before = this.#kept.at(-1);
    if (before && compareCursors(record, before) <= 0) {
      const kind = compareCursors(record, before) === 0 ? 'duplicates' : 'misordered';
      this.#find(kind, `${this.#of(record)} came after ${this.#of(before)}`);
    }
    const same = this.#keptIds.get(record.id);
    if (same) this.#find('duplicates', `${this.#of(record)} was handed at ${formatCursor(same)} already`);
  }

  /** The next record, in the same epoch; only the very beginning belongs to every epoch. */
  #checkJoins(record: HandedRecord): void {
    const at = this.#at;
    const isFirst = at === null || (at.offset === 0 && record.offset === 1);
    if (isFirst || (record.epoch === at.epoch && record.offset === at.offset + 1)) return;
    if (compareCursors(record, at) <= 0)
      this.#find('duplicates', `${this.#of(record)} at ${formatCursor(at)}`);
    else this.#find('unannouncedHoles', `${this.#of(record)} came at ${formatCursor(at)}`);
  }

  #withdraw(after: Cursor): void {
    for (let last = this.#kept.at(-1); last && compareCursors(last, after) > 0; last = this.#kept.at(-1)) {
      this.#kept.pop();
      this.#keptIds.delete(last.id);
      if (this.#account.durable) this.#find('withdrawnDurable', this.#of(last));
    }
  }

  /** What is called lost is not in the log. */
  #checkLostGaps(log: readonly LoggedRecord[]): void {
    for (const gap of this.#lostGaps) {
      const kept = log.filter(
        (record) => compareCursors(record, gap.after) > 0 && compareCursors(record, gap.upTo) <= 0,
      );
      if (kept.length > 0) this.#find('wrongGaps', `${describe(gap)}, and the log has ${kept.length} of it`);
    }
  }

  /** From the state on, the newest record of each key is that of the log. */
  #checkTable(log: readonly LoggedRecord[]): void {
    const first = this.#account.handed[0];
    const beganWithState = first !== undefined && !('gap' in first) && first.inState;
    if (!beganWithState || this.#account.policy !== 'replay') return;
    const table = newestOf(this.#kept);
    for (const [key, id] of newestOf(log)) {
      const shown = table.get(key);
      if (shown === id || (shown === undefined && id === null)) continue;
      this.#find(
        'unannouncedHoles',
        `of the key ${key} it has ${shown ?? 'nothing'}, the log ${id ?? 'nothing'}`,
      );
    }
  }

  #of(record: LoggedRecord): string {
    return `${record.id} at ${formatCursor(record)}`;
  }

  #find(kind: FindingKind, text: string): void {
    this.findings.push({ kind, text: `${this.#account.name} of ${this.#account.channel}: ${text}` });
  }
}

/** By key the id of the newest record. */
function newestOf(records: readonly LoggedRecord[]): Map<string, string | null> {
  const newest = new Map<string, string | null>();
  for (const { key, id, isTombstone } of records) if (key !== null) newest.set(key, isTombstone ? null : id);
  return newest;
}

function describe({ after, upTo, count, reason }: Gap): string {
  return `a gap ${formatCursor(after)} to ${formatCursor(upTo)} of ${count ?? 'unknown'}, ${reason}`;
}
