/** @jsxImportSource preact */
/** What is always in sight: where one is, whether the hub is there and which it is, and how old the figures are. */
import { useEffect, useState } from 'preact/hooks';
import { useChanges } from '../changes.ts';
import type { HubLink } from '../hub-link.ts';
import { explain } from '../model/advice.ts';
import { durationText } from '../model/format.ts';
import type { Route } from '../route.ts';
import { nextTheme, theme, themeChanges } from '../theme.ts';
import { ChannelBox } from './channel-box.tsx';
import { Icon } from './icons.tsx';
import { StatusBadge } from './state-badge.tsx';
import { Wordmark } from './wordmark.tsx';

const LINKS = [
  ['overview', '#/', 'Overview'],
  ['channels', '#/channels', 'Channels'],
  ['subscriptions', '#/subscriptions', 'Subscriptions'],
  ['publish', '#/publish', 'Publish'],
] as const;

export interface SiteHeaderProps {
  readonly link: HubLink;
  readonly route: Route;
  readonly onHelp: () => void;
  readonly onLeave: () => void;
}

export function SiteHeader({ link, route, onHelp, onLeave }: SiteHeaderProps) {
  return (
    <header class="site-header">
      <div class="page header-row">
        <Wordmark />
        <nav aria-label="Views">
          {LINKS.map(([view, href, title]) => (
            <a key={view} href={href} aria-current={isIn(route, view) ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <ChannelBox link={link} />
        <div class="header-tools">
          <ThemeButton />
          <button
            type="button"
            class="button quiet icon-only"
            onClick={onHelp}
            aria-label="Keys"
            title="Keys (?)"
          >
            <Icon name="help" />
          </button>
          <button
            type="button"
            class="button quiet icon-only"
            onClick={onLeave}
            aria-label="Forget the token"
            title="Forget the token"
          >
            <Icon name="key" />
          </button>
        </div>
      </div>
      <HubLine link={link} />
    </header>
  );
}

function isIn(route: Route, view: string): boolean {
  return route.view === view || (route.view === 'channel' && view === 'channels');
}

const THEME_LOOKS = {
  system: ['auto', 'Theme: as the system'],
  light: ['sun', 'Theme: light'],
  dark: ['moon', 'Theme: dark'],
} as const;

function ThemeButton() {
  useChanges(themeChanges);
  const [icon, label] = THEME_LOOKS[theme()];
  return (
    <button
      type="button"
      class="button quiet icon-only"
      onClick={nextTheme}
      aria-label={label}
      title={`${label} (t)`}
    >
      <Icon name={icon} />
    </button>
  );
}

/** Figures come each second: older ones are told as old. */
const OLD_MS = 5000;
/** A token that runs out so soon is worth a word. */
const SOON_MS = 10 * 60_000;

function HubLine({ link }: { readonly link: HubLink }) {
  useChanges(link.figureChanges);
  const nowMs = useNow();
  const { latest } = link.hub;
  const ageMs = link.heardAtMs === null ? null : nowMs - link.heardAtMs;
  const isOffline = link.status === 'offline' || link.status === 'connecting' || link.status === 'closed';
  const isOld = ageMs !== null && (ageMs > OLD_MS || isOffline);
  const expiresMs = link.tokenExpiresAtMs === null ? null : link.tokenExpiresAtMs - nowMs;
  return (
    <div class="page hub-line">
      <span role="status">
        <StatusBadge status={link.status} />
      </span>
      <span class="facts">
        <span class="mono">{latest?.server ?? link.client?.welcome?.server ?? link.url}</span>
        {latest && (
          <span>
            up <b>{durationText(latest.uptimeMs)}</b>
          </span>
        )}
        {latest && (
          <span>
            epoch <b class="mono">{latest.epoch}</b>
          </span>
        )}
        {isOffline && link.failure !== null && <Failure error={link.failure} />}
        {isOld && <b class="warn-text">figures are {durationText(ageMs)} old</b>}
        {expiresMs !== null && expiresMs > 0 && expiresMs < SOON_MS && (
          <b class="warn-text">the token runs out in {durationText(expiresMs)}</b>
        )}
      </span>
    </div>
  );
}

function Failure({ error }: { readonly error: unknown }) {
  const { code, title } = explain(error);
  return (
    <span class="warn-text">
      {title} {code !== null && <code class="code">{code}</code>}
    </span>
  );
}

/** Each second, as long as somebody looks. */
function useNow(): number {
  const [nowMs, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setNow(Date.now());
    }, 1000);
    return () => clearInterval(timer);
  }, []);
  return nowMs;
}
