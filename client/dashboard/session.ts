/**
 * The token: where it comes from, where it is kept, and what it says of itself. It is taken from the fragment, which no
 * server is ever sent, and leaves the address at once, so that it is neither bookmarked nor shared; sessionStorage keeps
 * it for a reload of this tab. Called by main.tsx and app.tsx.
 */
const STORAGE_KEY = 'ringcast.token';

/** The parts of a window that are needed; a test has its own. */
export interface Place {
  readonly location: { readonly hash: string; readonly pathname: string; readonly search: string };
  readonly history: { replaceState(data: unknown, unused: string, url: string): void };
  readonly sessionStorage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
}

/** The token of the address, which is removed from it, else the one that was kept; null without any. */
export function takeToken(place: Place): string | null {
  const { hash, pathname, search } = place.location;
  const fragment = new URLSearchParams(hash.replace(/^#/, ''));
  const given = hash.startsWith('#token=') ? fragment.get('token')?.trim() : undefined;
  if (given === undefined) return readKept(place);
  place.history.replaceState(null, '', `${pathname}${search}#/`);
  if (given !== '') keepToken(place, given);
  return given === '' ? readKept(place) : given;
}

/** Storage may be forbidden by the browser's settings: then a reload asks for the token again. */
export function keepToken({ sessionStorage }: Place, token: string): void {
  try {
    sessionStorage.setItem(STORAGE_KEY, token);
  } catch {}
}

export function forgetToken({ sessionStorage }: Place): void {
  try {
    sessionStorage.removeItem(STORAGE_KEY);
  } catch {}
}

function readKept({ sessionStorage }: Place): string | null {
  try {
    return sessionStorage.getItem(STORAGE_KEY);
  } catch {
    return null;
  }
}

/** What people paste: a token, or the whole link that holds one. */
export function tokenIn(text: string): string {
  const trimmed = text.trim();
  return /[#?&]token=([^&\s]+)/.exec(trimmed)?.[1] ?? trimmed.replace(/^Bearer\s+/i, '');
}

/** Where the hub is: it served this page. */
export function hubUrl({ protocol, host }: { readonly protocol: string; readonly host: string }): string {
  return `${protocol === 'https:' ? 'wss:' : 'ws:'}//${host}/`;
}
