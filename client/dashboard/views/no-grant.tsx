/** @jsxImportSource preact */
/** Connected, but the hub keeps its figures from this token: what works all the same, and what opens the rest. */
import { ErrorNotice } from '../parts/notice.tsx';
import { TokenForm } from '../parts/token-form.tsx';
import { TokenWays } from './sign-in.tsx';

export interface NoGrantProps {
  readonly failure: unknown;
  /** Undefined where another token would not help. */
  readonly onToken: ((token: string) => void) | undefined;
}

export function NoGrant({ failure, onToken }: NoGrantProps) {
  return (
    <div class="narrow">
      <h1>The hub’s figures are closed to this token</h1>
      <p>
        They are records on <code>$sys.*</code> channels, which take the admin grant. Channels that the token
        does name can be opened by the box above, and published to.
      </p>
      {onToken ? <TokenForm failure={failure} onToken={onToken} /> : <ErrorNotice error={failure} />}
      {onToken && <TokenWays />}
    </div>
  );
}
