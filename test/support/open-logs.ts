/** Logs for tests: a LogSet with small defaults over any store, records to append, and waiting without a sleep. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { ChannelLog, RetentionLimits, RingLimits } from '../../server/log/channel-log.ts';
import { LogSet, type LogSetOptions } from '../../server/log/log-set.ts';
import { createMemoryStore } from '../../server/log/memory-store.ts';
import type { OrderedStore } from '../../server/log/ordered-store.ts';
import type { StateLimits } from '../../server/log/state-index.ts';
import { ManualClock } from '../../shared/clock.ts';
import type { Offset } from '../../shared/terms.ts';
import { FaultyStore } from './faulty-store.ts';

export const NO_LIMITS = { maxRecords: null, maxBytes: null, maxAgeMs: null } as const;
export const MAX_DELAY_MS = 50;

export interface OpenOptions extends Partial<Omit<LogSetOptions, 'store' | 'clock'>> {
  readonly ring?: Partial<RingLimits>;
  readonly retention?: Partial<RetentionLimits>;
  /** Default: no state. */
  readonly state?: StateLimits | null;
  readonly clock?: ManualClock;
}

export interface OpenLogs {
  readonly logs: LogSet;
  readonly store: FaultyStore;
  readonly clock: ManualClock;
  /** What the LogSet told of its store: causes, and undefined where it worked again. */
  readonly failures: unknown[];
}

/** A LogSet over `inner` (default: an empty store in memory), which may have been used by another one before. */
export async function openLogs(
  options: OpenOptions = {},
  inner: OrderedStore = createMemoryStore({ keep: true }),
): Promise<OpenLogs> {
  const { ring = {}, retention = {}, state = null, clock = new ManualClock(), ...rest } = options;
  const store = new FaultyStore(inner);
  const failures: unknown[] = [];
  const limits = { ring: { ...NO_LIMITS, ...ring }, retention: { ...NO_LIMITS, ...retention }, state };
  const logs = await LogSet.open({
    folder: null,
    ringBytes: 1 << 30,
    unpersistedBytes: 1 << 30,
    maxChannels: 1000,
    maxDelayMs: MAX_DELAY_MS,
    limitsOf: () => limits,
    onSynced: () => {},
    onStoreFailure: (cause) => failures.push(cause),
    mayForget: () => true,
    ...rest,
    store,
    clock,
  });
  return { logs, store, clock, failures };
}

/** Ends a LogSet as a crash does: nothing more is written. The inner store can then be opened by another one. */
export async function crash({ logs, store }: OpenLogs): Promise<void> {
  logs.writeBehind.stop();
  store.releaseWrites();
  store.releaseReads();
  await store.close();
}

/** Crashes it when the test is over, so that nothing of it stays open. */
export function crashWhenFinished(opened: OpenLogs): OpenLogs {
  onTestFinished(() => crash(opened));
  return opened;
}

/** Bytes that tell one record from another. */
export function payloadOf(seed: number, bytes: number): Buffer {
  const payload = Buffer.alloc(bytes, seed & 0xff);
  if (bytes >= 4) payload.writeUInt32BE(seed >>> 0);
  return payload;
}

/** Appends one publish of records of `sizes` payload bytes each; returns the last offset. */
export function publish(logs: LogSet, log: ChannelLog, nowMs: number, ...sizes: number[]): Offset {
  for (const bytes of sizes) log.append(nowMs, null, null, payloadOf(log.headOffset + 1, bytes));
  logs.writeBehind.endOfPublish();
  return log.headOffset;
}

const DRIVE_DEADLINE_MS = 10_000;

/** Turns the event loop until `done` settles; where write-behind waits for a timer, the clock goes on. */
export async function drive<Result>({ logs, clock }: OpenLogs, done: Promise<Result>): Promise<Result> {
  let settled = false;
  const end = () => {
    settled = true;
  };
  done.then(end, end);
  const startMs = performance.now();
  while (!settled) {
    const { state } = logs.writeBehind;
    if (performance.now() - startMs > DRIVE_DEADLINE_MS) {
      throw new Error(`waited ${DRIVE_DEADLINE_MS} ms for a promise to settle; write-behind is ${state}`);
    }
    if (state === 'waiting' || state === 'reopening') clock.advance(MAX_DELAY_MS);
    await nextTurn();
  }
  return done;
}

/** Writes everything. */
export async function flush(opened: OpenLogs): Promise<void> {
  await drive(opened, opened.logs.writeBehind.flush());
}

/** Lets what needs no timer come to rest: a write or a read over a store in memory takes fewer turns than these. */
export async function turns(count = 8): Promise<void> {
  for (let i = 0; i < count; i++) await nextTurn();
}
