/**
 * What to do about an error, in words for the person before the page. The code is stable and always shown beside it;
 * texts may change. Called by every view that can fail.
 */
import { RingcastError } from '../../index.ts';

export interface Explained {
  /** The stable code, null for what is no error of Ringcast's. */
  readonly code: string | null;
  readonly title: string;
  readonly todo: string;
  readonly message: string;
}

const NEW_TOKEN = 'Paste another token, or open the link that npm start printed once more.';

const TEXTS: Readonly<Record<string, readonly [title: string, todo: string]>> = {
  'token-missing': ['This hub wants a token', NEW_TOKEN],
  'token-malformed': ['That is not a token', 'Copy it whole: three parts joined by dots, without spaces.'],
  'token-algorithm': ['The token is signed in a way that this hub refuses', NEW_TOKEN],
  'token-key-unknown': [
    'The hub does not know who signed the token',
    'Get one from the issuer that this hub trusts.',
  ],
  'token-signature': [
    'The token was not signed for this hub',
    'It may be of another hub, or of one whose data folder was removed. Copy the link that npm start printed last.',
  ],
  'token-expired': ['The token has run out', NEW_TOKEN],
  'token-not-yet-valid': ['The token is not valid yet', 'Check the clocks of its issuer and of the hub.'],
  'token-audience': [
    'The token is meant for somebody else',
    'Ask its issuer for one with this hub’s audience.',
  ],
  'token-issuer': [
    'The hub does not trust the token’s issuer',
    'Get one from the issuer that this hub trusts.',
  ],
  'token-claims': ['The token’s ringcast claim is malformed', 'Have it corrected at its issuer.'],
  'keys-unavailable': ['The hub cannot get the keys to check tokens with', 'It tries again by itself.'],
  forbidden: [
    'The token does not allow this',
    'Use a token whose grants name this channel, or one with admin.',
  ],
  'connection-lost': [
    'The hub cannot be reached',
    'Is it running? Start it with npm start. This page tries again by itself.',
  ],
  timeout: ['The hub did not answer in time', 'This page tries again by itself.'],
  'shutting-down': ['The hub is stopping', 'This page comes back with it.'],
  'too-many-connections': [
    'The hub has as many connections as it takes',
    'Close some, or raise limits.maxConnections.',
  ],
  'channel-invalid': [
    'That is not the name of a channel',
    'Use tokens joined by dots, such as market.us.AAPL.',
  ],
  'record-too-large': ['The record is too large', 'Split it, or raise limits.maxRecordBytes.'],
  'record-invalid': [
    'The record cannot be published like that',
    'Look at its key (at most 255 bytes) and meta (at most 16 entries).',
  ],
  'not-durable': ['This hub keeps nothing on a disk', 'Use ack memory, or start it without --memory.'],
  conflict: ['Something else was published first', 'Look at the channel’s head and publish again.'],
  overloaded: ['The hub has too much to write', 'It takes publishes again once the disk has caught up.'],
  'store-failed': ['The hub’s disk takes no writes', 'Look at the hub’s log: is the disk full?'],
  'unknown-cursor': [
    'The hub does not know that position',
    'Its data was replaced; begin at the earliest record.',
  ],
  'outbox-full': ['Too many publishes wait to be sent', 'Wait until the hub is back.'],
  'too-many-requests': ['Too many reads at once', 'Try again in a moment.'],
  'too-many-channels': ['The hub has as many channels as it takes', 'Raise limits.maxChannels.'],
  'producer-replaced': ['Another page took over as this producer', 'Reload this page.'],
  closed: ['The connection was closed', 'Connect again.'],
  internal: ['The hub made a mistake', 'Its log says more; please report it.'],
};

export function explain(error: unknown): Explained {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof RingcastError)) {
    return { code: null, title: 'That did not work', todo: 'Correct it and try again.', message };
  }
  const [title, todo] = TEXTS[error.code] ?? ['The hub refused', 'Look at its message and at the hub’s log.'];
  return { code: error.code, title, todo, message };
}

/** Whether only another token helps. */
export function wantsToken(error: unknown): boolean {
  return error instanceof RingcastError && error.advice === 'refresh-token';
}
