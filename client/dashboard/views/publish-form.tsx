/** @jsxImportSource preact */
/** The fields of a record. What is wrong stands beneath its field once publishing was asked for. */
import type { ComponentChildren } from 'preact';
import { ACK_LEVELS, type AckLevel } from '../../../shared/terms.ts';
import type { Draft, DraftProblems } from '../model/draft.ts';
import { Icon } from '../parts/icons.tsx';

export interface PublishFormProps {
  readonly draft: Draft;
  readonly problems: DraftProblems;
  readonly isOnline: boolean;
  readonly onDraft: (draft: Draft) => void;
  readonly onPublish: () => void;
}

const ACK_TEXTS: Readonly<Record<AckLevel, string>> = {
  none: 'No answer: sent, and nobody says whether it was taken.',
  memory: 'Answered once the hub holds it; a crash may take it back, and readers are told.',
  disk: 'Answered once it is synced to the hub’s disk; no crash takes it back.',
};

export function PublishForm({ draft, problems, isOnline, onDraft, onPublish }: PublishFormProps) {
  const set = (part: Partial<Draft>): void => onDraft({ ...draft, ...part });
  const submit = (event: Event): void => {
    event.preventDefault();
    onPublish();
  };
  const hurry = (event: KeyboardEvent): void => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit(event);
  };
  return (
    <form class="publish-form" onSubmit={submit} onKeyDown={hurry} noValidate>
      <Field name="channel" label="Channel" problem={problems.channel}>
        <input
          {...fieldProps('channel', problems.channel)}
          class="mono"
          list="known-channels"
          value={draft.channel}
          placeholder="orders.eu"
          onInput={(event) => set({ channel: event.currentTarget.value })}
        />
      </Field>
      <Field name="key" label="Key" hint="what the record is about; may be empty" problem={problems.key}>
        <input
          {...fieldProps('key', problems.key)}
          class="mono"
          value={draft.key}
          placeholder="order-1"
          onInput={(event) => set({ key: event.currentTarget.value })}
        />
      </Field>
      <Field name="data" label="Payload" hint="JSON" problem={problems.data}>
        <textarea
          {...fieldProps('data', problems.data)}
          class="mono"
          rows={7}
          value={draft.data}
          onInput={(event) => set({ data: event.currentTarget.value })}
        />
      </Field>
      <Field
        name="meta"
        label="Meta"
        hint="a JSON object of small facts; may be empty"
        problem={problems.meta}
      >
        <input
          {...fieldProps('meta', problems.meta)}
          class="mono"
          value={draft.meta}
          placeholder='{"source": "hand"}'
          onInput={(event) => set({ meta: event.currentTarget.value })}
        />
      </Field>
      <fieldset>
        <legend>Acknowledged</legend>
        <div class="segmented">
          {ACK_LEVELS.map((ack) => (
            <label key={ack} class={ack === draft.ack ? 'pressed' : ''}>
              <input
                type="radio"
                name="ack"
                value={ack}
                checked={ack === draft.ack}
                onChange={() => set({ ack })}
              />
              {ack}
            </label>
          ))}
        </div>
        <p class="quiet-text">{ACK_TEXTS[draft.ack]}</p>
      </fieldset>
      <div class="form-foot">
        <button type="submit" class="button primary" disabled={!isOnline}>
          <Icon name="send" />
          Publish
        </button>
        <span class="quiet-text">
          or <kbd>Ctrl</kbd> <kbd>Enter</kbd>
        </span>
      </div>
    </form>
  );
}

function fieldProps(name: string, problem: string | undefined) {
  return {
    id: `publish-${name}`,
    name,
    spellcheck: false,
    autocomplete: 'off',
    'aria-invalid': problem !== undefined,
    ...(problem !== undefined && { 'aria-describedby': `publish-${name}-problem` }),
  };
}

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly problem: string | undefined;
  readonly children: ComponentChildren;
}

function Field({ name, label, hint, problem, children }: FieldProps) {
  return (
    <div class="field">
      <label for={`publish-${name}`}>
        {label} {hint && <span class="quiet-text">{hint}</span>}
      </label>
      {children}
      {problem !== undefined && (
        <p class="problem" id={`publish-${name}-problem`}>
          {problem}
        </p>
      )}
    </div>
  );
}
