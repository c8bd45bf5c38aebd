/** @jsxImportSource preact */
/** A field for a token, with what is wrong with the one before. Called where a token is missing, refused or run out. */
import { useState } from 'preact/hooks';
import { tokenIn } from '../session.ts';
import { ErrorNotice } from './notice.tsx';

export interface TokenFormProps {
  /** Null when there was no token yet. */
  readonly failure: unknown;
  readonly onToken: (token: string) => void;
}

export function TokenForm({ failure, onToken }: TokenFormProps) {
  const [text, setText] = useState('');
  const [isEmpty, setEmpty] = useState(false);
  const submit = (event: Event): void => {
    event.preventDefault();
    const token = tokenIn(text);
    setEmpty(token === '');
    if (token !== '') onToken(token);
  };
  return (
    <form class="token-form" onSubmit={submit} noValidate>
      {failure !== null && <ErrorNotice error={failure} />}
      <label for="token">Token, or the whole link</label>
      <div class="field-row">
        <input
          id="token"
          name="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          value={text}
          aria-invalid={isEmpty}
          aria-describedby={isEmpty ? 'token-problem' : undefined}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" class="button primary">
          Connect
        </button>
      </div>
      {isEmpty && (
        <p id="token-problem" class="problem">
          Paste a token first.
        </p>
      )}
    </form>
  );
}
