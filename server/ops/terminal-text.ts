/**
 * Text from elsewhere, fit for a terminal: it must not move the cursor, change colours or forge lines.
 * Called by the log's lines for people and by the command line.
 */

/** Control characters, but for the line feed, become `\xNN`. */
export function escapeControls(text: string): string {
  return text.replace(/(?!\n)\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
