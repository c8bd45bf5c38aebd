/** @jsxImportSource preact */
/** Opens any channel by its name; the busiest are offered. */
import { useState } from 'preact/hooks';
import { isChannelName } from '../../../shared/channel-name.ts';
import { useChanges } from '../changes.ts';
import type { HubLink } from '../hub-link.ts';
import { channelPath } from '../route.ts';

export function ChannelBox({ link }: { readonly link: HubLink }) {
  const [text, setText] = useState('');
  const [problem, setProblem] = useState(false);
  const submit = (event: Event): void => {
    event.preventDefault();
    const name = text.trim();
    if (!isChannelName(name)) {
      setProblem(name !== '');
      return;
    }
    setProblem(false);
    setText('');
    location.hash = channelPath(name);
    (document.activeElement as HTMLElement | null)?.blur();
  };
  return (
    <search>
      <form class="channel-box" onSubmit={submit}>
        <label class="hidden-text" for="open-channel">
          Open a channel by its name
        </label>
        <input
          id="open-channel"
          class="mono"
          list="known-channels"
          placeholder="Open a channel…"
          autocomplete="off"
          spellcheck={false}
          value={text}
          aria-invalid={problem}
          aria-describedby={problem ? 'channel-problem' : undefined}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setProblem(false);
          }}
        />
        <kbd>/</kbd>
        <KnownChannels link={link} />
        {problem && (
          <p id="channel-problem" class="problem floating">
            Tokens joined by dots, such as market.us.AAPL
          </p>
        )}
      </form>
    </search>
  );
}

function KnownChannels({ link }: { readonly link: HubLink }) {
  useChanges(link.figureChanges);
  return (
    <datalist id="known-channels">
      {(link.channels.latest?.channels ?? []).map(({ channel }) => (
        <option key={channel} value={channel} />
      ))}
    </datalist>
  );
}
