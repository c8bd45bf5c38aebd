/**
 * The load of fan-out scenarios: opens the connections, publishes, and counts what comes in a while. It knows
 * no protocol: messages are encoded once by a dialect, and what comes is counted by its markers.
 *
 * Saturated: a window of unreceived publishes, refilled in whole bursts. Refilled one by one, a loop can settle into a
 * rhythm of one message and measure system calls. Paced: a fixed rate, latency from the intended send time.
 */
import { now } from '../clock.ts';
import { type Credit, Messages } from '../dialects/dialect.ts';
import { dialectOf } from '../dialects/index.ts';
import { MarkerCounter } from '../marker.ts';
import { type Percentiles, percentilesOf } from '../percentiles.ts';
import { openRaw, type RawSocket } from '../raw-socket.ts';
import { answer, usage } from './answering.ts';

export interface LoadOrder {
  readonly server: string;
  readonly url: string;
  readonly token: string;
  readonly channels: number;
  /** Each subscribes to all channels. */
  readonly subscribers: number;
  readonly payloadBytes: number;
  readonly warmUpMs: number;
  /** Saturated: publishes written at once, and how many of these bursts may be under way. */
  readonly burst: number;
  readonly window: number;
  /** null: saturated. */
  readonly ratePerSecond: number | null;
}

export interface LoadResult {
  readonly deliveries: number;
  readonly elapsedMs: number;
  /** null where it is saturated. */
  readonly latencies: Percentiles | null;
  readonly cpuMs: number;
}

/** Connections that are opened at a time: a listen queue is short. */
const OPENED_AT_ONCE = 50;
/** Times are read on one subscriber of so many: reading a clock for each message would delay the next. */
const SUBSCRIBERS_PER_CLOCK = 10;

let order: LoadOrder;
let sinks: Sinks;
let latenciesUs: number[] = [];
let isMeasuring = false;

/** Opens all and starts to publish; resolves when it has run warm. */
async function flow(given: LoadOrder): Promise<void> {
  order = given;
  sinks = await openSinks(order, (timeMs) => {
    if (isMeasuring) latenciesUs.push((now() - timeMs) * 1000);
  });
  const publisher = await Publisher.open(order);
  if (order.ratePerSecond === null) saturate(order, publisher, sinks);
  else pace(order, publisher, order.ratePerSecond);
  await pause(order.warmUpMs);
}

async function measure(measureMs: number): Promise<LoadResult> {
  latenciesUs = [];
  isMeasuring = true;
  const start = usage();
  const before = sinks.total();
  // In quarters, so as to notice a loop that has come to a stop: its figure would be too small, not absent.
  let last = before;
  for (let i = 0; i < 4; i++) {
    await pause(measureMs / 4);
    if (sinks.total() === last) throw new Error('nothing came for a quarter of the time');
    last = sinks.total();
  }
  isMeasuring = false;
  const end = usage();
  return {
    deliveries: last - before,
    elapsedMs: end.timeMs - start.timeMs,
    latencies: order.ratePerSecond === null ? null : percentilesOf(latenciesUs),
    cpuMs: end.cpuMs - start.cpuMs,
  };
}

/** The subscribers, by their counts. */
class Sinks {
  readonly #counters: readonly MarkerCounter[];
  /** Called when what all have received may have grown. */
  onReceived = () => {};

  constructor(counters: readonly MarkerCounter[]) {
    this.#counters = counters;
  }

  total(): number {
    return this.#counters.reduce((sum, { count }) => sum + count, 0);
  }

  /** By the first and the last subscriber: servers send to them in one order or the other. */
  received(): number {
    return Math.min(this.#counters[0]!.count, this.#counters.at(-1)!.count);
  }
}

async function openSinks(order: LoadOrder, onTime: (timeMs: number) => void): Promise<Sinks> {
  const { subscribers, payloadBytes, channels, ratePerSecond } = order;
  const dialect = dialectOf(order.server);
  const counters = Array.from(
    { length: subscribers },
    (_, i) =>
      new MarkerCounter(
        ratePerSecond !== null && i % SUBSCRIBERS_PER_CLOCK === 0 ? onTime : undefined,
        payloadBytes,
        dialect.times,
      ),
  );
  const sinks = new Sinks(counters);
  const openOne = async (counter: MarkerCounter, i: number) => {
    const isOuter = i === 0 || i === subscribers - 1;
    const socket = await open(order, (bytes) => {
      counter.take(bytes);
      if (isOuter) sinks.onReceived();
    });
    await dialect.subscribe(socket, channels);
  };
  for (let i = 0; i < subscribers; i += OPENED_AT_ONCE) {
    await Promise.all(counters.slice(i, i + OPENED_AT_ONCE).map((counter, j) => openOne(counter, i + j)));
  }
  return sinks;
}

async function open(order: LoadOrder, onBytes: (bytes: Buffer) => void): Promise<RawSocket> {
  const { protocol, keepAlive, open } = dialectOf(order.server);
  const socket = await openRaw(new URL(order.url), protocol, onBytes, (cause) => {
    throw cause;
  });
  await open(socket, order.token);
  if (keepAlive) setInterval(() => socket.write(keepAlive.bytes), keepAlive.everyMs);
  return socket;
}

/** The one connection that publishes. */
class Publisher {
  /** Called when it may send again. */
  onCredit = () => {};
  readonly #socket: RawSocket;
  readonly #credit: Credit | undefined;

  static async open(order: LoadOrder): Promise<Publisher> {
    const credit = dialectOf(order.server).credit?.();
    let publisher: Publisher | undefined;
    const socket = await open(order, (bytes) => {
      credit?.take(bytes);
      publisher?.onCredit();
    });
    publisher = new Publisher(socket, credit);
    return publisher;
  }

  private constructor(socket: RawSocket, credit: Credit | undefined) {
    this.#socket = socket;
    this.#credit = credit;
  }

  get maySend(): boolean {
    return this.#credit?.maySend ?? true;
  }

  write(frames: Buffer, count: number): void {
    this.#credit?.spend(frames, count);
    this.#socket.write(frames);
  }
}

function saturate(order: LoadOrder, publisher: Publisher, sinks: Sinks): void {
  const { burst, window, payloadBytes, channels } = order;
  const messages = new Messages(dialectOf(order.server), payloadBytes, channels, burst);
  const mostUnderWay = (window - 1) * burst;
  let published = 0;
  const refill = () => {
    while (published - sinks.received() <= mostUnderWay && publisher.maySend) {
      publisher.write(messages.burst(burst), burst);
      published += burst;
    }
  };
  sinks.onReceived = refill;
  publisher.onCredit = refill;
  refill();
}

function pace(order: LoadOrder, publisher: Publisher, rate: number): void {
  const messages = new Messages(dialectOf(order.server), order.payloadBytes, order.channels, 1);
  const stepMs = 1000 / rate;
  let dueMs = now() + stepMs;
  const step = () => {
    for (; dueMs <= now() && publisher.maySend; dueMs += stepMs) publisher.write(messages.stamped(dueMs), 1);
    // Turns without rest: a timer would wake a millisecond late.
    setImmediate(step);
  };
  step();
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

answer({ flow, measure });
