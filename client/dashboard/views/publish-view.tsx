/** @jsxImportSource preact */
/** Publishing by hand, with what the hub answered. */
import { useState } from 'preact/hooks';
import type { RecordMeta } from '../../../shared/terms.ts';
import type { HubLink } from '../hub-link.ts';
import { type Draft, readDraft } from '../model/draft.ts';
import { Empty } from '../parts/notice.tsx';
import { type Answer, AnswerItem } from './publish-answer.tsx';
import { PublishForm } from './publish-form.tsx';

const KEPT = 10;

export interface PublishViewProps {
  readonly link: HubLink;
  readonly channel: string;
}

export function PublishView({ link, channel }: PublishViewProps) {
  const [draft, setDraft] = useState<Draft>({
    channel,
    key: '',
    data: '{\n  "hello": "world"\n}',
    meta: '',
    ack: 'memory',
  });
  const [asked, setAsked] = useState(false);
  const [answers, setAnswers] = useState<readonly Answer[]>([]);
  const { problems, record } = readDraft(draft);
  const note = (answer: Answer): void =>
    setAnswers((all) => [answer, ...all.filter(({ id }) => id !== answer.id)].slice(0, KEPT));
  const publish = (): void => {
    setAsked(true);
    if (!record || !link.client) return;
    const started = performance.now();
    const base = { id: started, channel: record.channel, ack: draft.ack, atMs: Date.now() };
    note({ ...base, state: 'waiting' });
    link.client
      .publish(record.channel, record.data, {
        key: record.key,
        meta: record.meta as RecordMeta | null,
        ack: draft.ack,
      })
      .then(
        (result) =>
          note({ ...base, state: 'taken', cursor: result?.cursor ?? null, ms: performance.now() - started }),
        (error: unknown) => note({ ...base, state: 'refused', error }),
      );
  };
  return (
    <>
      <div class="view-head">
        <h1>Publish a record</h1>
        <p class="quiet-text">The token has to allow it. The record is kept and pushed like any other.</p>
      </div>
      <div class="columns publish">
        <section class="panel" aria-label="The record">
          <PublishForm
            draft={draft}
            problems={asked ? problems : {}}
            onDraft={setDraft}
            onPublish={publish}
            isOnline={link.client !== null}
          />
        </section>
        <section class="panel" aria-labelledby="answers">
          <h2 id="answers">Answers</h2>
          <div aria-live="polite">
            {answers.length === 0 ? (
              <Empty title="Nothing published from here yet">
                The hub’s answer stands here: the record’s cursor and how long it took, or the error’s code
                and what to do.
              </Empty>
            ) : (
              <ul class="answers">
                {answers.map((answer) => (
                  <AnswerItem key={answer.id} answer={answer} />
                ))}
              </ul>
            )}
          </div>
        </section>
      </div>
    </>
  );
}
