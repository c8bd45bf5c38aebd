/** @jsxImportSource preact */
/** The page around the views: who is let in, what stands where, and what keys do. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { useChanges } from './changes.ts';
import type { HubLink } from './hub-link.ts';
import { wantsToken } from './model/advice.ts';
import { HelpDialog } from './parts/help-dialog.tsx';
import { SiteHeader } from './parts/site-header.tsx';
import { TokenForm } from './parts/token-form.tsx';
import { type Route, useRoute } from './route.ts';
import { forgetToken, keepToken, takeToken } from './session.ts';
import { useShortcuts } from './shortcuts.ts';
import { ChannelView } from './views/channel-view.tsx';
import { ChannelsView } from './views/channels-view.tsx';
import { NoGrant } from './views/no-grant.tsx';
import { Overview } from './views/overview.tsx';
import { PublishView } from './views/publish-view.tsx';
import { SignIn } from './views/sign-in.tsx';
import { SubscriptionsView } from './views/subscriptions-view.tsx';

export interface AppProps {
  readonly link: HubLink;
  readonly hasToken: boolean;
}

export function App({ link, hasToken }: AppProps) {
  useChanges(link.changes);
  const [signedIn, setSignedIn] = useState(hasToken);
  const [isHelp, setHelp] = useState(false);
  const route = useRoute();
  useShortcuts(useCallback(() => setHelp((is) => !is), []));
  const open = useCallback(
    (token: string): void => {
      keepToken(window, token);
      setSignedIn(true);
      link.open(token);
    },
    [link],
  );
  useEffect(() => {
    // Another link was opened in this tab.
    const follow = (): void => {
      const token = location.hash.startsWith('#token=') ? takeToken(window) : null;
      if (token !== null) open(token);
    };
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, [open]);
  const leave = (): void => {
    forgetToken(window);
    link.leave();
    setSignedIn(false);
  };
  const isOut = !signedIn || (link.status === 'closed' && !link.wasLive);
  if (isOut) return <SignIn failure={signedIn ? link.failure : null} url={link.url} onToken={open} />;
  return (
    <>
      <button type="button" class="skip-link" onClick={toMain}>
        Skip to content
      </button>
      <SiteHeader link={link} route={route} onHelp={() => setHelp(true)} onLeave={leave} />
      {link.status === 'closed' && (
        <div class="page banner">
          <TokenForm failure={link.failure} onToken={open} />
        </div>
      )}
      <Main link={link} route={route} onToken={open} />
      <HelpDialog open={isHelp} onClose={() => setHelp(false)} />
    </>
  );
}

/** By script: a link's fragment would be the router's. */
function toMain(): void {
  document.getElementById('main')?.focus();
}

interface MainProps {
  readonly link: HubLink;
  readonly route: Route;
  readonly onToken: (token: string) => void;
}

const TITLES: Readonly<Record<Route['view'], string>> = {
  overview: 'Overview',
  channels: 'Channels',
  subscriptions: 'Subscriptions',
  publish: 'Publish',
  channel: 'Channel',
};

function Main({ link, route, onToken }: MainProps) {
  const main = useRef<HTMLElement>(null);
  const title = route.view === 'channel' ? route.channel : TITLES[route.view];
  const first = useRef(true);
  useEffect(() => {
    document.title = `${title} · Ringcast`;
    // Whoever cannot see that the view has changed is told by the focus; not when the page has just come.
    if (!first.current) main.current?.focus({ preventScroll: true });
    if (!first.current) scrollTo(0, 0);
    first.current = false;
  }, [title]);
  const isOld = link.status === 'offline' || link.status === 'closed';
  return (
    <main ref={main} id="main" tabIndex={-1} class={`page ${isOld ? 'old' : ''}`} data-view={route.view}>
      <View link={link} route={route} onToken={onToken} />
    </main>
  );
}

function View({ link, route, onToken }: MainProps) {
  if (route.view === 'publish') return <PublishView link={link} channel={route.channel} />;
  if (route.view === 'channel') {
    return <ChannelView key={`${route.channel} ${link.generation}`} link={link} channel={route.channel} />;
  }
  if (link.refusal !== null) {
    const isGrant = wantsToken(link.refusal);
    return <NoGrant failure={link.refusal} onToken={isGrant ? onToken : undefined} />;
  }
  if (route.view === 'channels') return <ChannelsView link={link} />;
  if (route.view === 'subscriptions') return <SubscriptionsView link={link} />;
  return <Overview link={link} />;
}
