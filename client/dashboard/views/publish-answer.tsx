/** @jsxImportSource preact */
/** What became of a publish. */
import type { AckLevel } from '../../../shared/terms.ts';
import { clockText, delayText } from '../model/format.ts';
import { ErrorNotice } from '../parts/notice.tsx';
import { Badge } from '../parts/state-badge.tsx';
import { channelPath } from '../route.ts';

export type Answer = {
  readonly id: number;
  readonly channel: string;
  readonly ack: AckLevel;
  /** When it was published, by this machine's clock. */
  readonly atMs: number;
} & (
  | { readonly state: 'waiting' }
  /** The cursor is null with ack none. */
  | { readonly state: 'taken'; readonly cursor: string | null; readonly ms: number }
  | { readonly state: 'refused'; readonly error: unknown }
);

export function AnswerItem({ answer }: { readonly answer: Answer }) {
  return (
    <li>
      <div class="answer-head">
        <AnswerBadge answer={answer} />
        <a class="mono cut" href={channelPath(answer.channel)}>
          {answer.channel}
        </a>
        <span class="quiet-text push-right">{clockText(answer.atMs)}</span>
      </div>
      {answer.state === 'taken' && (
        <p>
          {answer.cursor === null ? 'Sent, without an answer' : <span class="mono">{answer.cursor}</span>}
          <span class="quiet-text">
            {' '}
            in {delayText(answer.ms)}, ack {answer.ack}
          </span>
        </p>
      )}
      {answer.state === 'refused' && <ErrorNotice error={answer.error} />}
      {answer.state === 'waiting' && (
        <p class="quiet-text">Kept until the hub has answered, also over a cut.</p>
      )}
    </li>
  );
}

function AnswerBadge({ answer }: { readonly answer: Answer }) {
  if (answer.state === 'waiting') return <Badge tone="info" icon="clock" text="Waiting" />;
  if (answer.state === 'refused') return <Badge tone="bad" icon="cross" text="Refused" />;
  return <Badge tone="good" icon="check" text={answer.ack === 'disk' ? 'On disk' : 'Taken'} />;
}
