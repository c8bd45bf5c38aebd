/**
 * The grammar of channel names and of the patterns that grants and configuration match them with.
 *
 *     name     = token *( "." token )           market.us.AAPL
 *     token    = 1*( A-Z a-z 0-9 _ - $ : @ / + = ~ % )
 *     pattern  = the same, where a token may be "*" (exactly one token)
 *                and the last may be ">" (one or more tokens)
 *
 * Names that begin with "$" belong to the hub; ">" and a leading "*" never match them.
 */

/** Longest channel name or pattern, in bytes (names are ASCII). */
export const MAX_CHANNEL_NAME_BYTES = 255;

const TOKEN = '[A-Za-z0-9_\\-$:@/+=~%]+';
const NAME = new RegExp(`^${TOKEN}(?:\\.${TOKEN})*$`);
const PATTERN = new RegExp(`^(?:>|(?:${TOKEN}|\\*)(?:\\.(?:${TOKEN}|\\*))*(?:\\.>)?)$`);

export function isChannelName(text: string): boolean {
  return text.length <= MAX_CHANNEL_NAME_BYTES && NAME.test(text);
}

export function isChannelPattern(text: string): boolean {
  return text.length <= MAX_CHANNEL_NAME_BYTES && PATTERN.test(text);
}

/** A test for names, made once per pattern. Throws TypeError for a malformed pattern. */
export function compilePattern(pattern: string): (name: string) => boolean {
  if (!isChannelPattern(pattern)) throw new TypeError(`not a channel pattern: ${JSON.stringify(pattern)}`);
  if (!pattern.includes('*') && !pattern.endsWith('>')) return (name) => name === pattern;
  // A regular expression tests a name without taking it apart: this runs for every publish.
  const body = pattern
    .split('.')
    .map((token) => (token === '*' ? TOKEN : token === '>' ? `${TOKEN}(?:\\.${TOKEN})*` : literal(token)))
    .join('\\.');
  const guard = pattern.startsWith('*') || pattern === '>' ? '(?!\\$)' : '';
  const form = new RegExp(`^${guard}${body}$`);
  return (name) => form.test(name);
}

function literal(token: string): string {
  return token.replace(/[$+]/g, '\\$&');
}

/** A test for names that passes where any of the patterns does. */
export function compilePatterns(patterns: readonly string[]): (name: string) => boolean {
  const tests = patterns.map(compilePattern);
  return (name) => tests.some((test) => test(name));
}
