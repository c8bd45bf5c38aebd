/**
 * The lines of a stream, as they come; a carriage return at the end does not belong to a line, and neither does a
 * line begin behind the last line feed. Reads no faster than lines are taken.
 */
import { CliError, EXIT } from './failure.ts';

/** No record may be larger anyway. */
const MAX_LINE_CHARS = 16 * 1024 * 1024;

/** Throws CliError for a line of more than 16 Mi characters. */
export async function* inputLines(
  stream: NodeJS.ReadStream,
  maxLineChars = MAX_LINE_CHARS,
): AsyncGenerator<string[]> {
  stream.setEncoding('utf8');
  let rest: string[] = [];
  let restChars = 0;
  for await (const chunk of stream as AsyncIterable<string>) {
    const lines = chunk.split('\n');
    const last = lines.pop()!;
    if (lines.length > 0) {
      lines[0] = rest.join('') + lines[0]!;
      yield lines.map(withoutReturn);
      rest = [];
      restChars = 0;
    }
    // Pieces are joined once, when their line ends: a long line must not be copied with every chunk.
    if (last !== '') rest.push(last);
    restChars += last.length;
    if (restChars > maxLineChars) {
      throw new CliError(
        EXIT.failure,
        `a line of standard input has more than ${maxLineChars} characters: write one record per line`,
      );
    }
  }
  if (restChars > 0) yield [withoutReturn(rest.join(''))];
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
