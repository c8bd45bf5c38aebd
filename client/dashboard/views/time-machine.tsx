/** @jsxImportSource preact */
/** The way into a channel's past: a slider over its whole log, how it is played, and how far the slider reaches. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { ChannelSession } from '../channel-session.ts';
import { type AxisKind, axisOf, type Reach } from '../model/axis.ts';
import { durationText, grouped, momentText } from '../model/format.ts';
import { SPEEDS, type Speed } from '../model/pacing.ts';
import { Icon } from '../parts/icons.tsx';
import { isTyping } from '../shortcuts.ts';
import { GoTo } from './go-to.tsx';
import { TimeSlider } from './time-slider.tsx';

const REACHES: readonly (readonly [label: string, reach: Reach])[] = [
  ['5 min', 5 * 60_000],
  ['1 h', 60 * 60_000],
  ['1 d', 24 * 60 * 60_000],
  ['All', 'all'],
];

export function TimeMachine({ session }: { readonly session: ChannelSession }) {
  const [kind, setKind] = useState<AxisKind>('time');
  const [reach, setReach] = useState<Reach>('all');
  const goTo = useRef<HTMLInputElement>(null);
  useKeys(
    session,
    useCallback(() => goTo.current?.focus(), []),
  );
  const axis = axisOf(session.timeline, kind, reach);
  const choose = (one: Reach): void => {
    setReach(one);
    void session.zoom(one);
  };
  return (
    <section class="panel time-machine" aria-label="Time slider">
      <div class="time-head">
        <Transport session={session} />
        <Where session={session} />
        <div class="time-options">
          <GoTo session={session} field={goTo} />
          <fieldset class="segmented" aria-label="How far the slider reaches">
            {REACHES.map(([label, one]) => (
              <button key={label} type="button" aria-pressed={reach === one} onClick={() => choose(one)}>
                {label}
              </button>
            ))}
          </fieldset>
          <fieldset class="segmented" aria-label="What the slider counts">
            {(['time', 'offset'] as const).map((one) => (
              <button key={one} type="button" aria-pressed={kind === one} onClick={() => setKind(one)}>
                {one}
              </button>
            ))}
          </fieldset>
        </div>
      </div>
      {axis ? <TimeSlider session={session} axis={axis} /> : <div class="slider-room" />}
    </section>
  );
}

function Transport({ session }: { readonly session: ChannelSession }) {
  const { replay, mode } = session;
  const isPast = mode === 'past';
  return (
    <div class="transport">
      <button
        type="button"
        class="button icon-only"
        onClick={() => togglePlay(session)}
        aria-label={replay.playing ? 'Pause' : 'Play'}
        disabled={!isPast}
      >
        <Icon name={replay.playing ? 'pause' : 'play'} />
      </button>
      <button
        type="button"
        class="button icon-only"
        onClick={() => replay.step()}
        aria-label="One record on"
        disabled={!isPast}
      >
        <Icon name="step" />
      </button>
      <fieldset class="segmented" aria-label="Speed">
        {SPEEDS.map((speed) => (
          <button
            key={speed}
            type="button"
            aria-pressed={replay.speed === speed}
            disabled={!isPast}
            onClick={() => replay.play(speed)}
          >
            {speedText(speed)}
          </button>
        ))}
      </fieldset>
      <button type="button" class="button live-button" onClick={() => session.goLive()} disabled={!isPast}>
        <Icon name="live" />
        Live
      </button>
    </div>
  );
}

function speedText(speed: Speed): string {
  return speed === 'max' ? 'max' : `×${speed}`;
}

function togglePlay({ replay, mode }: ChannelSession): void {
  if (mode !== 'past') return;
  if (replay.playing) replay.pause();
  else replay.play();
}

/** Which moment is shown, in words. */
function Where({ session }: { readonly session: ChannelSession }) {
  const { mode, replay, tail, timeline } = session;
  const last = tail.lastRecord;
  const nowMs = Date.now();
  if (mode === 'live') {
    return (
      <p class="where">
        <b>Live</b>
        <span class="quiet-text">drag back, and the page replays from there</span>
      </p>
    );
  }
  const head = timeline.last?.offset ?? 0;
  return (
    <p class="where">
      <b class="mono">{momentText(replay.playheadMs, nowMs)}</b>
      <span class="quiet-text">
        {replay.loading
          ? 'reading…'
          : `${grouped(Math.max(0, head - (last?.offset ?? 0)))} records before live`}
        {replay.skippedMs > 1000 && `, ${durationText(replay.skippedMs)} of silence skipped`}
      </span>
    </p>
  );
}

function useKeys(session: ChannelSession, onGoTo: () => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (isTyping(event)) return;
      if (event.key === 'p') togglePlay(session);
      else if (event.key === '.' && session.mode === 'past') session.replay.step();
      else if (event.key === 'l') session.goLive();
      else if (event.key === 'g') onGoTo();
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, [session, onGoTo]);
}
