import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LoopDelay } from '../../../server/ops/loop-delay.ts';
import { createMetrics, type Reading } from '../../../server/ops/metrics.ts';

const READING: Reading = {
  connections: 1,
  subscriptions: 2,
  channels: 3,
  publishedRecords: 4,
  publishedBytes: 5,
  deliveredRecords: 6,
  deliveredBytes: 7,
  replayedRecords: 8,
  replayedBytes: 9,
  gaps: 10,
  droppedRecords: 11,
  conflatedRecords: 12,
  ringBytes: 13,
  unpersistedBytes: 14,
  bufferedBytes: 15,
  storeFailing: 0,
  pushTimes: { boundsMs: [0.05, 1, 250], counts: [3, 0, 2, 1], sumMs: 500 },
};

let nowMs = 0;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** The timer of the metrics comes, so many ms after it was due. */
function tick(lateMs: number): void {
  nowMs += 20 + lateMs;
  vi.advanceTimersByTime(20);
}

/** The lines of one metric, without what is said of it. */
async function linesOf(metrics: { text(): Promise<string> }, name: string): Promise<string[]> {
  const text = await metrics.text();
  return text.split('\n').filter((line) => line.startsWith(name));
}

test('the delay of the event loop is counted in buckets that go on over collections', async () => {
  const loopDelay = new LoopDelay();
  const metrics = createMetrics(() => READING, loopDelay);
  for (const lateMs of [0, 0.5, 7, 30]) tick(lateMs);
  await metrics.text();
  tick(2000);
  expect(await linesOf(metrics, 'ringcast_event_loop_delay_seconds')).toEqual([
    'ringcast_event_loop_delay_seconds_bucket{le="0.001"} 2',
    'ringcast_event_loop_delay_seconds_bucket{le="0.0025"} 2',
    'ringcast_event_loop_delay_seconds_bucket{le="0.005"} 2',
    'ringcast_event_loop_delay_seconds_bucket{le="0.01"} 3',
    'ringcast_event_loop_delay_seconds_bucket{le="0.025"} 3',
    'ringcast_event_loop_delay_seconds_bucket{le="0.05"} 4',
    'ringcast_event_loop_delay_seconds_bucket{le="0.1"} 4',
    'ringcast_event_loop_delay_seconds_bucket{le="0.25"} 4',
    'ringcast_event_loop_delay_seconds_bucket{le="0.5"} 4',
    'ringcast_event_loop_delay_seconds_bucket{le="1"} 4',
    'ringcast_event_loop_delay_seconds_bucket{le="+Inf"} 5',
    'ringcast_event_loop_delay_seconds_sum 2.0375',
    'ringcast_event_loop_delay_seconds_count 5',
  ]);
  loopDelay.close();
});

test('nothing is observed once the timer is closed', async () => {
  const loopDelay = new LoopDelay();
  const metrics = createMetrics(() => READING, loopDelay);
  tick(0);
  loopDelay.close();
  tick(0);
  expect(await linesOf(metrics, 'ringcast_event_loop_delay_seconds_count')).toEqual([
    'ringcast_event_loop_delay_seconds_count 1',
  ]);
});

test('what was read is told as of the collection', async () => {
  let connections = 1;
  const loopDelay = new LoopDelay();
  const metrics = createMetrics(() => ({ ...READING, connections }), loopDelay);
  await metrics.text();
  connections = 5;
  expect(await linesOf(metrics, 'ringcast_connections ')).toEqual(['ringcast_connections 5']);
  loopDelay.close();
});

test('times that were counted in plain numbers are a histogram like any other', async () => {
  const loopDelay = new LoopDelay();
  const metrics = createMetrics(() => READING, loopDelay);
  const text = await metrics.text();
  expect(text.slice(text.indexOf('# HELP ringcast_push_seconds')).split('\n')).toEqual([
    '# HELP ringcast_push_seconds How long it took to push what was due to all live subscriptions',
    '# TYPE ringcast_push_seconds histogram',
    'ringcast_push_seconds_bucket{le="0.00005"} 3',
    'ringcast_push_seconds_bucket{le="0.001"} 3',
    'ringcast_push_seconds_bucket{le="0.25"} 5',
    'ringcast_push_seconds_bucket{le="+Inf"} 6',
    'ringcast_push_seconds_sum 0.5',
    'ringcast_push_seconds_count 6',
    '',
  ]);
  loopDelay.close();
});
