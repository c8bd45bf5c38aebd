/** @jsxImportSource preact */
/** A token that runs out soon is replaced while the connection lives: nothing is cut, nothing is missed. */
import { useState } from 'preact/hooks';
import type { HubLink } from '../hub-link.ts';
import { keepToken } from '../session.ts';
import { TokenForm } from './token-form.tsx';

export function Renewal({ link, onDone }: { readonly link: HubLink; readonly onDone: () => void }) {
  const [failure, setFailure] = useState<unknown>(null);
  const renew = (token: string): void => {
    link.renew(token).then(() => {
      keepToken(window, token);
      onDone();
    }, setFailure);
  };
  return (
    <div class="renewal">
      <TokenForm id="renewal-token" failure={failure} onToken={renew} />
      <button type="button" class="button quiet" onClick={onDone}>
        Not now
      </button>
    </div>
  );
}
