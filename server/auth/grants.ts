/**
 * What a token allows: the claim
 *
 *     "ringcast": { "subscribe": ["market.>"], "publish": ["orders.eu"], "admin": false }
 *
 * as tests on channel names. Each member may be left out and then grants nothing; unknown members are ignored.
 * Not its job: whether the token is genuine (verify-token.ts), whether a name is well formed (its caller).
 */

import { compilePatterns, isChannelPattern, MAX_CHANNEL_NAME_BYTES } from '../../shared/channel-name.ts';
import { RingcastError } from '../../shared/errors.ts';

/** Most patterns in one list of the claim. */
export const MAX_GRANT_PATTERNS = 256;

export interface Grants {
  /** Names that begin with "$" take a pattern that begins with "$" itself, or `admin`; those with "$sys." take `admin`. */
  maySubscribe(channel: string): boolean;
  /** Never true for names that begin with "$": only the hub publishes there, whatever the pattern and `admin` say. */
  mayPublish(channel: string): boolean;
  /** May use the administration interface and read every "$" channel; opens no other channel by itself. */
  readonly admin: boolean;
}

/** Of channels that are the hub's to publish. */
const HUB_PREFIX = '$';
/** Of those among them that tell of everyone: who is connected, and which channels there are. */
const FIGURES_PREFIX = '$sys.';

/** Everything that can be granted: for embedding without tokens, and for tests. */
export const allGrants: Grants = Object.freeze({
  maySubscribe: () => true,
  mayPublish: (channel: string) => !channel.startsWith(HUB_PREFIX),
  admin: true,
});

/**
 * Compiles the `ringcast` claim; `undefined` (a token without it) grants nothing.
 * Throws RingcastError `token-claims` naming what is malformed.
 */
export function parseGrants(claim: unknown): Grants {
  const { subscribe, publish, admin = false } = claim === undefined ? {} : membersOf(claim);
  if (typeof admin !== 'boolean') throw claimError('"admin" must be true or false');
  const readable = compileNames(parsePatterns('subscribe', subscribe));
  const writable = compileNames(parsePatterns('publish', publish));
  return {
    // Patterns keep "$" names apart by themselves: ">" and a leading "*" never match them.
    maySubscribe: admin
      ? (channel) => readable(channel) || channel.startsWith(HUB_PREFIX)
      : (channel) => readable(channel) && !channel.startsWith(FIGURES_PREFIX),
    mayPublish: (channel) => writable(channel) && !channel.startsWith(HUB_PREFIX),
    admin,
  };
}

function membersOf(claim: unknown): { subscribe?: unknown; publish?: unknown; admin?: unknown } {
  if (typeof claim !== 'object' || claim === null || Array.isArray(claim)) {
    throw claimError('must be an object with "subscribe", "publish" and "admin"');
  }
  return claim;
}

function parsePatterns(member: string, value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw claimError(`"${member}" must be an array of channel patterns`);
  if (value.length > MAX_GRANT_PATTERNS) {
    throw claimError(
      `"${member}" has ${value.length} patterns, allowed are ${MAX_GRANT_PATTERNS}: use wildcards`,
    );
  }
  for (const pattern of value) {
    if (typeof pattern !== 'string' || !isChannelPattern(pattern)) {
      throw claimError(`"${member}" holds ${quote(pattern)}, which is not a channel pattern`);
    }
  }
  return value;
}

/**
 * One set for plain names, tests only for wildcards: a token that lists 256 channels costs one look-up per name, and
 * whoever publishes to one channel all the time a comparison.
 */
function compileNames(patterns: readonly string[]): (name: string) => boolean {
  const isWild = (pattern: string) => pattern.includes('*') || pattern.endsWith('>');
  const names = new Set(patterns.filter((pattern) => !isWild(pattern)));
  const matchesWild = compilePatterns(patterns.filter(isWild));
  let lastGranted: string | undefined;
  return (name) => {
    if (name === lastGranted) return true;
    if (!names.has(name) && !matchesWild(name)) return false;
    // Names are asked after before they are checked: one as long as a frame is not kept.
    if (name.length <= MAX_CHANNEL_NAME_BYTES) lastGranted = name;
    return true;
  };
}

/** Enough of a value to find it in the token, whatever its size. */
function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function claimError(what: string): RingcastError {
  return new RingcastError('token-claims', `correct the token's "ringcast" claim at its issuer: ${what}`);
}
