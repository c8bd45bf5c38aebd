/**
 * How many of the records that wait are shown by now, when a stretch of the past is played at a speed. Pure: time comes
 * in as arguments. Called by the replay once a frame.
 */
export const SPEEDS = [1, 10, 'max'] as const;
export type Speed = (typeof SPEEDS)[number];

/** Most rows of a frame: more than a screen has, so that nothing is gained by more. */
const FRAME_RECORDS = 150;
/** Of a page that could not draw for a while, only this much counts. */
const LONGEST_FRAME_MS = 250;
/** A silence in the past is waited for no longer than this, in time of the person who watches. */
const LONGEST_SILENCE_MS = 1500;

export interface Advance {
  /** The moment that is shown, Unix ms. */
  readonly playheadMs: number;
  readonly release: number;
  /** How much silence was left out, ms. */
  readonly skippedMs: number;
}

/** @param timesMs of the records that wait, ascending */
export function advance(
  playheadMs: number,
  elapsedMs: number,
  speed: Speed,
  timesMs: readonly number[],
): Advance {
  const next = timesMs[0];
  if (next === undefined) return { playheadMs, release: 0, skippedMs: 0 };
  if (speed === 'max') {
    const release = Math.min(FRAME_RECORDS, timesMs.length);
    return { playheadMs: timesMs[release - 1]!, release, skippedMs: 0 };
  }
  const moved = playheadMs + Math.min(elapsedMs, LONGEST_FRAME_MS) * speed;
  const latest = next - LONGEST_SILENCE_MS * speed;
  if (moved < latest) return { playheadMs: latest, release: 0, skippedMs: latest - moved };
  let release = 0;
  while (release < FRAME_RECORDS && release < timesMs.length && timesMs[release]! <= moved) release += 1;
  // More than a frame shows: the playhead waits with them rather than running ahead.
  const behind = release === FRAME_RECORDS ? timesMs[release - 1]! : moved;
  return { playheadMs: behind, release, skippedMs: 0 };
}
