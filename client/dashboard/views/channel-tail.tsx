/** @jsxImportSource preact */
/**
 * A channel's newest rows, newest first. They stand still while somebody points at them or has scrolled down to read,
 * and say how many have come since.
 */
import { useRef, useState } from 'preact/hooks';
import type { ChannelSession } from '../channel-session.ts';
import { grouped, plural } from '../model/format.ts';
import type { Row } from '../model/tail.ts';
import { Icon } from '../parts/icons.tsx';
import { Empty } from '../parts/notice.tsx';
import { TailRow } from './tail-row.tsx';

interface Held {
  readonly rows: readonly Row[];
  readonly taken: number;
  readonly mode: string;
}

export function ChannelTail({ session }: { readonly session: ChannelSession }) {
  const { tail, mode } = session;
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [isPointed, setPointed] = useState(false);
  const [isScrolled, setScrolled] = useState(false);
  const held = useRef<Held | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const isHeld = isPointed || isScrolled;
  if (!isHeld || held.current?.mode !== mode) held.current = null;
  if (isHeld && mode === 'live') held.current ??= { rows: tail.rows, taken: tail.taken, mode };
  const rows = held.current?.rows ?? tail.rows;
  const since = held.current ? tail.taken - held.current.taken : 0;
  // From the state as it then is: rows that stand still keep an older one of these.
  const toggle = (id: string): void => {
    // Whoever opens a row wants to read it.
    if (session.mode === 'past') session.replay.pause();
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  };
  const resume = (): void => {
    setPointed(false);
    setScrolled(false);
    list.current?.scrollTo({ top: 0 });
  };
  return (
    <section class="panel tail" aria-labelledby="tail-title">
      <div class="tail-head">
        <h2 id="tail-title">Records</h2>
        <span class="quiet-text">
          newest first, {mode === 'live' ? `the last ${rows.length}` : 'up to the moment above'}
        </span>
        {isHeld && mode === 'live' && (
          <button type="button" class="button small" onClick={resume}>
            <Icon name="pause" />
            {since > 0 ? `Held: ${plural(since, 'record')} since` : 'Held while you look'}
          </button>
        )}
        <span class="quiet-text push-right">{grouped(tail.taken)} seen here</span>
      </div>
      <div
        ref={list}
        class="tail-rows"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label="Records, newest first"
        onPointerEnter={(event) => event.pointerType === 'mouse' && setPointed(true)}
        onPointerLeave={() => setPointed(false)}
        onScroll={(event) => setScrolled(event.currentTarget.scrollTop > 8)}
      >
        {rows.length === 0 ? (
          <Empty title="Waiting for records" />
        ) : (
          [...rows]
            .reverse()
            .map((row) => (
              <TailRow
                key={`${mode}${row.id}`}
                row={row}
                isOpen={open.has(`${mode}${row.id}`)}
                id={`${mode}${row.id}`}
                onToggle={toggle}
              />
            ))
        )}
      </div>
    </section>
  );
}
