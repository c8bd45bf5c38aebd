import { beforeEach, describe, expect, test } from 'vitest';
import { platformSignals, SLEPT_MS, TICK_MS, type WakeScope } from '../../../client/wake-signals.ts';
import { type Clock, ManualClock, systemClock } from '../../../shared/clock.ts';

/** A window: what is dispatched at its document passes it in the capturing phase. */
class FakeWindow extends EventTarget {
  readonly document = { visibilityState: 'visible' };
  readonly navigator = { onLine: true };
  readonly listening: string[] = [];

  override addEventListener(
    type: string,
    listener: (event: Event) => void,
    options: { capture: boolean },
  ): void {
    expect(options).toEqual({ capture: true });
    this.listening.push(type);
    super.addEventListener(type, listener, options);
  }

  override removeEventListener(
    type: string,
    listener: (event: Event) => void,
    options: { capture: boolean },
  ): void {
    this.listening.splice(this.listening.indexOf(type), 1);
    super.removeEventListener(type, listener, options);
  }

  happen(type: string, more: object = {}): void {
    this.dispatchEvent(Object.assign(new Event(type), more));
  }
}

let clock: ManualClock;
let page: FakeWindow;
let told: string[];
let stop: () => void;

function watch(scope: WakeScope, over: Clock = clock): void {
  told = [];
  stop = platformSignals(scope).watch(over, (signal) => told.push(signal));
}

beforeEach(() => {
  clock = new ManualClock();
  page = new FakeWindow();
  watch(page);
});

describe('a page', () => {
  test.each([
    ['comes online', 'online', {}, 'woken'],
    ['is shown for the first time', 'pageshow', { persisted: false }, 'woken'],
    ['comes back from the cache', 'pageshow', { persisted: true }, 'woken'],
    ['is resumed', 'resume', {}, 'woken'],
    ['goes offline', 'offline', {}, 'doubted'],
    ['goes into the cache', 'pagehide', { persisted: true }, 'suspended'],
    ['is frozen', 'freeze', {}, 'suspended'],
  ])('that %s tells so by %s', (_what, type, more, signal) => {
    page.happen(type, more);
    expect(told).toEqual([signal]);
  });

  test('that ends is not put aside', () => {
    page.happen('pagehide', { persisted: false });
    expect(told).toEqual([]);
  });

  test('is woken by being looked at, and not by being hidden', () => {
    page.document.visibilityState = 'hidden';
    page.happen('visibilitychange');
    expect(told).toEqual([]);
    page.document.visibilityState = 'visible';
    page.happen('visibilitychange');
    expect(told).toEqual(['woken']);
  });

  test('knows of its network', () => {
    const signals = platformSignals(page);
    expect(signals.networkAbsent).toBe(false);
    page.navigator.onLine = false;
    expect(signals.networkAbsent).toBe(true);
  });

  test('is not listened to any more once that was ended', () => {
    expect(page.listening.length).toBeGreaterThan(5);
    stop();
    expect(page.listening).toEqual([]);
    page.happen('online');
    clock.advance(60_000);
    expect(told).toEqual([]);
  });
});

describe('elsewhere', () => {
  test('a worker, which has no document, hears of its network', () => {
    const worker = new EventTarget() as unknown as WakeScope & EventTarget;
    stop();
    watch(worker);
    worker.dispatchEvent(new Event('online'));
    worker.dispatchEvent(new Event('offline'));
    worker.dispatchEvent(new Event('visibilitychange'));
    expect(told).toEqual(['woken', 'doubted']);
    stop();
  });

  test('a platform without events and networks is watched by its clock alone', () => {
    stop();
    watch({});
    expect(platformSignals({}).networkAbsent).toBe(false);
    clock.advance(60_000);
    expect(told).toEqual([]);
    stop();
  });
});

describe('sleep', () => {
  /** The wall clock goes on while the machine sleeps; timers and the monotonic clock do not. */
  let sleptMs: number;
  beforeEach(() => {
    stop();
    sleptMs = 0;
    watch(
      {},
      {
        nowMs: () => clock.nowMs() + sleptMs,
        monotonicMs: () => clock.monotonicMs(),
        after: (delayMs, run) => clock.after(delayMs, run),
      },
    );
  });

  test('shows within seconds of its end, once', () => {
    clock.advance(12_000);
    sleptMs = 3_600_000;
    clock.advance(TICK_MS);
    expect(told).toEqual(['woken']);
    clock.advance(60_000);
    expect(told).toEqual(['woken']);
    sleptMs += 3_600_000;
    clock.advance(TICK_MS);
    expect(told).toEqual(['woken', 'woken']);
  });

  test('is not what a busy program does for a moment', () => {
    sleptMs += SLEPT_MS;
    clock.advance(60_000);
    expect(told).toEqual([]);
  });

  test('is watched for in the least obtrusive way: no process lives on for it', () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const unwatch = platformSignals({}).watch(systemClock, () => {});
    expect(timers()).toBe(before);
    const cancel = systemClock.after(1000, () => {});
    expect(timers()).toBe(before + 1);
    cancel();
    unwatch();
  });
});
