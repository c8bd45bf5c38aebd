/**
 * Looks over what a channel holds by a few dozen pages of one record each: how its records lie in time, and where whole
 * histories of the hub ended. Reads no more for a channel of a billion records than for one of a hundred. Called by the
 * channel session.
 */
import type { Gap } from '../../shared/terms.ts';
import { type Client, type HistoryPage, type ReceivedRecord, RingcastError } from '../index.ts';
import type { Timeline } from './model/timeline.ts';

/** Moments that are looked at between the oldest record and the newest. */
const MOMENTS = 48;
/** Fewer than the hub lets wait, so that the slider's own reads find room. */
const AT_A_TIME = 4;

/** A gap and where it lies. */
export interface GapMark {
  readonly gap: Gap;
  /** Of the record behind it. */
  readonly timeMs: number;
  readonly offset: number;
}

export interface Surveyed {
  /** Null of an empty channel. */
  readonly newest: ReceivedRecord | null;
  readonly marks: readonly GapMark[];
}

/** Rejects with the hub's refusal. */
export async function survey(client: Client, channel: string, timeline: Timeline): Promise<Surveyed> {
  const [oldest, newest] = await Promise.all([
    firstOf(client.history(channel, { from: 'earliest', limit: 1 })),
    firstOf(client.history(channel, { from: 'latest', reverse: true, limit: 1 })),
  ]);
  if (!oldest || !newest) return { newest: null, marks: [] };
  timeline.note(oldest);
  timeline.note(newest);
  await surveyBetween(client, channel, timeline, oldest.timeMs, newest.timeMs);
  return { newest, marks: await findCrashes(client, channel, timeline) };
}

/** Looks closer at a stretch of time. */
export async function surveyBetween(
  client: Client,
  channel: string,
  timeline: Timeline,
  fromMs: number,
  toMs: number,
): Promise<void> {
  const step = (toMs - fromMs) / (MOMENTS + 1);
  if (step < 1) return;
  const moments = Array.from({ length: MOMENTS }, (_, i) => Math.round(fromMs + (i + 1) * step));
  await inParallel(moments, async (since) => {
    const record = await firstOf(client.history(channel, { from: { since }, limit: 1 }));
    if (!record) return;
    timeline.note(record);
    // By the moment itself, the channel had come to the record before.
    if (record.timeMs > since)
      timeline.note({ timeMs: since, epoch: record.epoch, offset: record.offset - 1 });
  });
}

/**
 * Where two neighbours are of different histories, the hub is asked what became of a reader that had come further in
 * the earlier one than it went: its answer is the gap.
 */
async function findCrashes(client: Client, channel: string, timeline: Timeline): Promise<GapMark[]> {
  const marks: GapMark[] = [];
  const pairs = timeline.knots.flatMap((knot, i, all) => {
    const before = all[i - 1];
    return before && before.epoch !== knot.epoch ? [{ before, knot }] : [];
  });
  for (const { before, knot } of pairs) {
    let { epoch } = before;
    while (epoch < knot.epoch) {
      const page = await client
        .history(channel, { from: `${epoch}-${knot.offset}`, limit: 1 })
        .catch(passOver);
      const record = page?.records[0];
      if (!page || !record || record.epoch <= epoch) break;
      for (const gap of page.gaps) {
        marks.push({ gap, timeMs: record.timeMs, offset: record.offset });
        if (gap.after.epoch === epoch) {
          const timeMs = Math.max(before.timeMs, timeline.timeAt(gap.after.offset));
          timeline.note({ timeMs, epoch, offset: gap.after.offset });
        }
      }
      timeline.note(record);
      epoch = record.epoch;
    }
  }
  return marks;
}

/** A hub that does not know the position has nothing to tell of it. */
function passOver(error: unknown): undefined {
  if (error instanceof RingcastError && error.code === 'unknown-cursor') return undefined;
  throw error;
}

async function firstOf(page: Promise<HistoryPage>): Promise<ReceivedRecord | undefined> {
  return (await page).records[0];
}

async function inParallel<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await run(item);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
}
