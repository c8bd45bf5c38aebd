/** A channel that keeps state, for one test: opened again after crashes, appended to by keys, and looked into. */
import assert from 'node:assert/strict';
import type { ChannelLog } from '../../server/log/channel-log.ts';
import type { LogReader } from '../../server/log/log-reader.ts';
import type { LogSet } from '../../server/log/log-set.ts';
import { createMemoryStore } from '../../server/log/memory-store.ts';
import type { StateLimits } from '../../server/log/state-index.ts';
import { stateRange } from '../../server/log/store-keys.ts';
import { RunReader } from '../../shared/record-run.ts';
import { type Cursor, type Offset, ORIGIN } from '../../shared/terms.ts';
import type { FaultyStore } from './faulty-store.ts';
import {
  crash,
  crashWhenFinished,
  drive,
  flush,
  type OpenLogs,
  type OpenOptions,
  openLogs,
} from './open-logs.ts';

/** Deletes its key. */
export const GONE = null;

/** A value is a payload of so many bytes, or a tombstone. */
export type Sent = readonly [key: string | null, value: number | typeof GONE];

export class KeyedLog {
  readonly #inner = createMemoryStore({ keep: true });
  opened!: OpenLogs;
  log!: ChannelLog;

  get logs(): LogSet {
    return this.opened.logs;
  }

  get reader(): LogReader {
    return this.logs.reader;
  }

  get store(): FaultyStore {
    return this.opened.store;
  }

  /** Opens the hub's logs, after a crash where they are open, without the channel. */
  async start(options: OpenOptions = {}, state: StateLimits | null = { maxKeys: 4 }): Promise<void> {
    const clock = this.opened?.clock;
    if (this.opened) await crash(this.opened);
    const opened = await openLogs({ ...options, state, ...(clock && { clock }) }, this.#inner);
    this.opened = crashWhenFinished(opened);
  }

  /** As {@link start}, and opens the channel. */
  async open(options?: OpenOptions, state?: StateLimits | null): Promise<void> {
    await this.start(options, state);
    this.log = await this.logs.openLog('a');
  }

  /** One publish of these records. */
  append(...records: readonly Sent[]): void {
    for (const [key, value] of records) {
      const payload = value === GONE ? Buffer.of(0xc0) : Buffer.alloc(value, 1);
      this.log.append(this.opened.clock.nowMs(), key, null, payload);
    }
    this.logs.writeBehind.endOfPublish();
  }

  async write(...records: readonly Sent[]): Promise<void> {
    this.append(...records);
    await this.flush();
  }

  flush(): Promise<void> {
    return flush(this.opened);
  }

  /** Maintenance, and its writes. */
  async maintain(): Promise<void> {
    await drive(this.opened, this.logs.maintain());
    await this.flush();
  }

  /** Key, offset, and length of the payload of what the state has up to `upTo`, read in small pages. */
  async state(upTo: Cursor = this.log.durableCursor): Promise<[string, Offset, number][]> {
    const found: [string, Offset, number][] = [];
    for (let after = ORIGIN, atEnd = false; !atEnd; ) {
      const page = await drive(this.opened, this.reader.readState(this.log, after, upTo, 1));
      const records = new RunReader(page.records);
      for (const offset of page.offsets) {
        assert(records.next());
        found.push([records.key!, offset, records.payload.length]);
      }
      assert.deepEqual([records.next(), page.count], [false, page.offsets.length]);
      ({ next: after, atEnd } = page);
    }
    return found;
  }

  async stateOffsets(): Promise<Offset[]> {
    return (await this.state()).map(([, offset]) => offset);
  }

  /** Offsets that lie in the store, whatever the index says. */
  async storedOffsets(): Promise<Offset[]> {
    const entries = await this.store.read({ ...stateRange(this.log.number), keysOnly: true });
    return entries.map(({ key }) => Number(key.readBigUInt64BE(13)));
  }
}
