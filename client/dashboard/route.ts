/** What the address names: a view, and for the channel view its channel. Pure but for `useRoute`. */
import { useEffect, useState } from 'preact/hooks';

export type Route =
  | { readonly view: 'overview' }
  | { readonly view: 'channels' }
  | { readonly view: 'subscriptions' }
  | { readonly view: 'publish'; readonly channel: string }
  | { readonly view: 'channel'; readonly channel: string };

export function readRoute(hash: string): Route {
  const [view = '', ...rest] = hash.replace(/^#\/?/, '').split('/');
  const channel = decoded(rest.join('/'));
  if (view === 'channel' && channel !== '') return { view, channel };
  if (view === 'publish') return { view, channel };
  if (view === 'subscriptions' || view === 'channels') return { view };
  return { view: 'overview' };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function channelPath(channel: string): string {
  return `#/channel/${encodeURIComponent(channel)}`;
}

export function publishPath(channel: string): string {
  return `#/publish/${encodeURIComponent(channel)}`;
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => readRoute(location.hash));
  useEffect(() => {
    const follow = (): void => setRoute(readRoute(location.hash));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return route;
}
