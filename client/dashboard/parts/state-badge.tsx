/** @jsxImportSource preact */
/** A state as colour, icon and word together, so that none has to be told by its colour alone. */
import type { ReaderState } from '../../../shared/figures.ts';
import { STATE_WORDS } from '../model/slowness.ts';
import { Icon, type IconName } from './icons.tsx';

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'idle';

export function Badge({
  tone,
  icon,
  text,
}: {
  readonly tone: Tone;
  readonly icon: IconName;
  readonly text: string;
}) {
  return (
    <span class={`badge ${tone}`}>
      <Icon name={icon} />
      {text}
    </span>
  );
}

const READER_LOOKS: Readonly<Record<ReaderState, readonly [Tone, IconName]>> = {
  live: ['good', 'check'],
  'catching-up': ['info', 'clock'],
  'socket-full': ['bad', 'socket'],
  'out-of-credit': ['warn', 'hourglass'],
};

export function ReaderBadge({ state }: { readonly state: ReaderState }) {
  const [tone, icon] = READER_LOOKS[state] ?? (['idle', 'dot'] as const);
  return <Badge tone={tone} icon={icon} text={STATE_WORDS[state] ?? state} />;
}

const STATUS_LOOKS: Readonly<Record<string, readonly [Tone, IconName, string]>> = {
  connecting: ['info', 'clock', 'Connecting'],
  live: ['good', 'live', 'Live'],
  'catching-up': ['info', 'stack', 'Catching up'],
  offline: ['warn', 'offline', 'Offline, trying again'],
  closing: ['idle', 'clock', 'Closing'],
  closed: ['bad', 'cross', 'Closed'],
};

/** Of the connection; a status that this page does not know is shown by its name. */
export function StatusBadge({ status }: { readonly status: string }) {
  const [tone, icon, text] = STATUS_LOOKS[status] ?? (['idle', 'dot', status] as const);
  return <Badge tone={tone} icon={icon} text={text} />;
}
