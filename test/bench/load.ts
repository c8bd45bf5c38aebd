/**
 * The load, in a process of its own: opens the connections, drives one scenario, sends its figures to the parent.
 *
 * Saturated: a window of unreceived publishes, refilled in whole bursts. Refilled one by one, a loop can settle into a
 * rhythm of one message and measure system calls. Paced: a fixed rate, latency from the intended send time.
 */
import { now } from './children.ts';
import { DIALECTS } from './dialect.ts';
import { MarkerCounter } from './marker.ts';
import { openRaw, type RawSocket } from './raw-socket.ts';

export interface LoadOrder {
  readonly server: string;
  readonly url: string;
  readonly token: string;
  readonly subscribers: number;
  readonly payloadBytes: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Saturated: publishes written at once, and how many of these bursts may be under way. */
  readonly burst: number;
  readonly window: number;
  /** null: saturated. */
  readonly ratePerSecond: number | null;
}

export interface LoadResult {
  readonly deliveries: number;
  readonly published: number;
  readonly elapsedMs: number;
  readonly latenciesUs: readonly number[];
}

const PERCENTILES = [0.5, 0.9, 0.99, 0.999];

process.on('message', (order: LoadOrder) => void run(order));
process.on('disconnect', () => process.exit(0));

async function run(order: LoadOrder): Promise<void> {
  const dialect = DIALECTS[order.server]!;
  const url = new URL(order.url);
  const latencies: number[] = [];
  let measuring = false;
  let refill = () => {};
  const counters: MarkerCounter[] = [];
  for (let i = 0; i < order.subscribers; i++) {
    // Times are read on one subscriber where many would be too many.
    const counter = new MarkerCounter(
      order.ratePerSecond !== null && (order.subscribers === 1 || i % 10 === 0)
        ? (timeMs) => measuring && latencies.push((now() - timeMs) * 1000)
        : undefined,
    );
    counters.push(counter);
    const socket = await openRaw(url, dialect.protocol, (bytes) => {
      counter.take(bytes);
      if (i === order.subscribers - 1) refill();
    });
    await prepare(socket, order, true, i);
  }
  const publisher = await openRaw(url, dialect.protocol, () => {});
  await dialect.prepare(publisher, order.token, false);
  await pause(200);
  const last = counters.at(-1)!;
  const state = { published: 0 };
  const stop =
    order.ratePerSecond === null
      ? saturate(order, publisher, last, state, (next) => (refill = next))
      : pace(order, publisher, state, order.ratePerSecond);
  await pause(order.warmUpMs);
  measuring = true;
  process.send!('begin');
  const startMs = now();
  const before = total(counters);
  const publishedBefore = state.published;
  await pause(order.measureMs);
  const result: LoadResult = {
    deliveries: total(counters) - before,
    published: state.published - publishedBefore,
    elapsedMs: now() - startMs,
    latenciesUs: percentiles(latencies),
  };
  process.send!(result);
  stop();
}

async function prepare(socket: RawSocket, order: LoadOrder, subscribe: boolean, i: number): Promise<void> {
  const ready = DIALECTS[order.server]!.prepare(socket, order.token, subscribe);
  // In groups, so that a thousand take a second or two.
  if (i % 50 === 49 || i === order.subscribers - 1) await ready;
}

function saturate(
  order: LoadOrder,
  publisher: RawSocket,
  last: MarkerCounter,
  state: { published: number },
  onRefill: (refill: () => void) => void,
): () => void {
  const burst = DIALECTS[order.server]!.burst(order.payloadBytes, order.burst);
  const mostUnderWay = (order.window - 1) * order.burst;
  let running = true;
  const refill = () => {
    while (running && state.published - last.count <= mostUnderWay) {
      publisher.write(burst.frames);
      state.published += order.burst;
    }
  };
  onRefill(refill);
  refill();
  return () => {
    running = false;
  };
}

function pace(
  order: LoadOrder,
  publisher: RawSocket,
  state: { published: number },
  rate: number,
): () => void {
  const burst = DIALECTS[order.server]!.burst(order.payloadBytes, 1);
  const stepMs = 1000 / rate;
  let dueMs = now() + stepMs;
  let running = true;
  const step = () => {
    while (dueMs <= now()) {
      burst.stampAll(dueMs);
      publisher.write(Buffer.from(burst.frames));
      state.published++;
      dueMs += stepMs;
    }
    if (running) setImmediate(step);
  };
  step();
  return () => {
    running = false;
  };
}

function total(counters: readonly MarkerCounter[]): number {
  return counters.reduce((sum, { count }) => sum + count, 0);
}

function percentiles(values: number[]): number[] {
  if (values.length === 0) return [];
  values.sort((a, b) => a - b);
  return PERCENTILES.map((p) => values[Math.min(values.length - 1, Math.floor(p * values.length))]!);
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
