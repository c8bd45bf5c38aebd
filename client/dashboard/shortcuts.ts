/** What single keys do, everywhere on the page. The channel view listens for its own. Called by app.tsx. */
import { useEffect } from 'preact/hooks';
import { nextTheme } from './theme.ts';

export interface Shortcut {
  readonly keys: readonly string[];
  readonly does: string;
}

export const SHORTCUTS: readonly Shortcut[] = [
  { keys: ['1'], does: 'Overview' },
  { keys: ['2'], does: 'Channels' },
  { keys: ['3'], does: 'Subscriptions' },
  { keys: ['4'], does: 'Publish' },
  { keys: ['/'], does: 'Open a channel by its name' },
  { keys: ['t'], does: 'Theme: as the system, light, dark' },
  { keys: ['?'], does: 'This help' },
];

export const CHANNEL_SHORTCUTS: readonly Shortcut[] = [
  { keys: ['p'], does: 'Play from here, or pause' },
  { keys: ['.'], does: 'One record on' },
  { keys: ['l'], does: 'Back to live' },
  { keys: ['g'], does: 'Go to an offset or a moment' },
  { keys: ['←', '→'], does: 'On the slider: back and forth' },
];

const PLACES: Readonly<Record<string, string>> = {
  '1': '#/',
  '2': '#/channels',
  '3': '#/subscriptions',
  '4': '#/publish',
};

/** Whether the key was meant for a field, or for the browser. */
export function isTyping(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
  const target = event.target as HTMLElement | null;
  if (document.querySelector('dialog[open]')) return true;
  return target?.matches('input:not([type=range]), textarea, select') ?? false;
}

export function useShortcuts(onHelp: () => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (isTyping(event)) return;
      const place = PLACES[event.key];
      if (place !== undefined) location.hash = place;
      else if (event.key === '?') onHelp();
      else if (event.key === 't') nextTheme();
      else if (event.key === '/') document.getElementById('open-channel')?.focus();
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, [onHelp]);
}
