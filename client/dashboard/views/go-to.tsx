/** @jsxImportSource preact */
/** A field for an offset, a cursor or a moment. */
import type { RefObject } from 'preact';
import { useState } from 'preact/hooks';
import type { ChannelSession } from '../channel-session.ts';
import { readPlace } from '../model/moment.ts';

export interface GoToProps {
  readonly session: ChannelSession;
  readonly field: RefObject<HTMLInputElement | null>;
}

export function GoTo({ session, field }: GoToProps) {
  const [text, setText] = useState('');
  const [isWrong, setWrong] = useState(false);
  const submit = (event: Event): void => {
    event.preventDefault();
    const place = readPlace(text, Date.now());
    setWrong(place === undefined);
    if (place === undefined) return;
    setText('');
    field.current?.blur();
    void session.seek(place);
  };
  return (
    <form class="go-to" onSubmit={submit}>
      <input
        ref={field}
        class="mono"
        aria-label="Go to an offset, a cursor or a moment"
        placeholder="Go to 1200, 14:03, 5m…"
        spellcheck={false}
        autocomplete="off"
        value={text}
        aria-invalid={isWrong}
        aria-describedby={isWrong ? 'go-to-problem' : undefined}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setWrong(false);
        }}
      />
      {isWrong && (
        <p id="go-to-problem" class="problem floating">
          An offset (1200), a cursor (4-1200), a time (14:03:20), a date, or how long ago (5m)
        </p>
      )}
    </form>
  );
}
