/** @jsxImportSource preact */
/** Nobody is connected: what to do, by where the hub is and who wants in. */

import { TokenForm } from '../parts/token-form.tsx';
import { Wordmark } from '../parts/wordmark.tsx';

export interface SignInProps {
  readonly failure: unknown;
  readonly url: string;
  readonly onToken: (token: string) => void;
}

export function SignIn({ failure, url, onToken }: SignInProps) {
  return (
    <main class="sign-in">
      <div class="sign-in-card">
        <Wordmark />
        <h1>Open the dashboard</h1>
        <p>
          The hub at <code>{url}</code> shows its figures to tokens with the admin grant.
        </p>
        <TokenForm failure={failure} onToken={onToken} />
        <TokenWays />
        <p class="quiet-text">
          The token stays in this tab: it is taken out of the address and forgotten when the tab is closed.
        </p>
      </div>
    </main>
  );
}

/** Where tokens come from. */
export function TokenWays() {
  return (
    <dl class="ways">
      <div>
        <dt>A hub on this machine</dt>
        <dd>
          Open the link that <code>npm start</code> printed: it holds a token.
        </dd>
      </div>
      <div>
        <dt>A hub with a secret that you have</dt>
        <dd>
          <code class="command">npx ringcast token --admin --subscribe '&gt;' --publish '&gt;'</code>
        </dd>
      </div>
      <div>
        <dt>Any other</dt>
        <dd>
          Ask whoever issues its tokens for one with <code>"admin": true</code> in its <code>ringcast</code>{' '}
          claim.
        </dd>
      </div>
    </dl>
  );
}
