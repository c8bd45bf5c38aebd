/** @jsxImportSource preact */
/**
 * The slider: the browser's own range, so that keys, touch and screen readers work as they do, over a strip that shows
 * where the records are and where some are missing. Its last step is live.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ChannelSession } from '../channel-session.ts';
import { type Axis, density, heights, STEPS, shareOf, shareOfRecord, valueAt } from '../model/axis.ts';
import { countText, grouped, momentText } from '../model/format.ts';
import type { Place } from '../model/moment.ts';
import type { GapMark } from '../survey.ts';

const BARS = 120;
/** How long the slider rests before the past is played from there. */
const REST_MS = 350;

export interface TimeSliderProps {
  readonly session: ChannelSession;
  readonly axis: Axis;
}

export function TimeSlider({ session, axis }: TimeSliderProps) {
  const [dragged, setDragged] = useState<{ position: number; axis: Axis } | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  // The scale stands still under a finger, however the log grows.
  const scale = dragged?.axis ?? axis;
  const position = dragged?.position ?? positionOf(session, scale);
  const moved = (value: number): void => {
    clearTimeout(timer.current);
    setDragged({ position: value, axis: scale });
    session.replay.pause();
    if (value < STEPS) void session.seek(placeAt(scale, value));
    timer.current = setTimeout(() => rest(value), REST_MS);
  };
  const rest = (value: number): void => {
    clearTimeout(timer.current);
    setDragged(null);
    if (value >= STEPS) session.goLive();
    else session.replay.play();
  };
  return (
    <div class="slider">
      <Strip session={session} axis={scale} position={position} />
      <input
        type="range"
        min={0}
        max={STEPS}
        step={1}
        value={position}
        aria-label="Moment of the channel that is shown"
        aria-valuetext={valueText(session, scale, position)}
        onInput={(event) => moved(Number(event.currentTarget.value))}
      />
      <Ends session={session} axis={scale} />
    </div>
  );
}

function placeAt(axis: Axis, position: number): Place {
  const value = valueAt(axis, position);
  return axis.kind === 'time' ? { sinceMs: value } : { offset: Math.max(1, value) };
}

function positionOf({ mode, replay, past }: ChannelSession, axis: Axis): number {
  if (mode === 'live') return STEPS;
  const offset = past.lastRecord?.offset ?? axis.from;
  const share = shareOf(axis, axis.kind === 'time' ? replay.playheadMs : offset);
  return Math.min(STEPS - 1, Math.round(share * STEPS));
}

function valueText({ timeline }: ChannelSession, axis: Axis, position: number): string {
  if (position >= STEPS) return 'live';
  const value = valueAt(axis, position);
  const timeMs = axis.kind === 'time' ? value : timeline.timeAt(value);
  const offset = axis.kind === 'offset' ? value : timeline.offsetAt(value);
  return `${momentText(timeMs, Date.now())}, offset ${Math.round(offset)}`;
}

interface StripProps {
  readonly session: ChannelSession;
  readonly axis: Axis;
  readonly position: number;
}

/** Bars for records, marks for gaps, in shares of its width. */
function Strip({ session, axis, position }: StripProps) {
  const counts = density(session.timeline, axis, BARS);
  const past = (position / STEPS) * BARS;
  return (
    <svg
      class="strip"
      viewBox={`0 0 ${BARS} 32`}
      preserveAspectRatio="none"
      aria-hidden="true"
      focusable="false"
    >
      {heights(counts).map((height, i) => (
        <rect
          // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place
          key={i}
          class={i < past ? 'bar past' : 'bar'}
          x={i + 0.12}
          width={0.76}
          y={32 - Math.max(height * 30, height > 0 ? 1 : 0)}
          height={Math.max(height * 30, height > 0 ? 1 : 0)}
        />
      ))}
      {session.marks
        .filter((mark) => isOn(axis, mark))
        .map((mark) => {
          const { from, to } = markShares(session, axis, mark);
          return (
            <rect
              key={`${mark.gap.reason} ${mark.gap.upTo.epoch}-${mark.gap.upTo.offset}`}
              class={`mark ${mark.gap.reason}`}
              x={from * BARS}
              width={Math.max(0.5, (to - from) * BARS)}
              y={0}
              height={32}
            >
              <title>{markText(mark)}</title>
            </rect>
          );
        })}
    </svg>
  );
}

function isOn(axis: Axis, mark: GapMark): boolean {
  return (axis.kind === 'time' ? mark.timeMs : mark.offset) >= axis.from;
}

function markShares({ timeline }: ChannelSession, axis: Axis, mark: GapMark): { from: number; to: number } {
  const to = shareOfRecord(axis, mark);
  const { after } = mark.gap;
  const from = axis.kind === 'time' ? timeline.timeAt(after.offset) : after.offset;
  return { from: Math.min(to, shareOf(axis, from)), to };
}

function markText({ gap, timeMs }: GapMark): string {
  const count = gap.count === null ? 'an unknown number of' : grouped(gap.count);
  return `${gap.reason}: ${count} records, until ${momentText(timeMs, Date.now())}`;
}

function Ends({ session, axis }: { readonly session: ChannelSession; readonly axis: Axis }) {
  const nowMs = Date.now();
  const { timeline, marks } = session;
  const [from, to] =
    axis.kind === 'time'
      ? [momentText(axis.from, nowMs), momentText(axis.to, nowMs)]
      : [grouped(axis.from), grouped(axis.to)];
  const spanned =
    axis.kind === 'time' ? timeline.offsetAt(axis.to) - timeline.offsetAt(axis.from) : axis.to - axis.from;
  const shown = marks.filter((mark) => isOn(axis, mark)).length;
  return (
    <p class="ends">
      <span class="mono">{from}</span>
      <span class="quiet-text">
        {countText(Math.round(spanned) + 1)} records{shown > 0 && `, ${shown} gap${shown === 1 ? '' : 's'}`}
      </span>
      <span class="mono">{to}</span>
    </p>
  );
}
