/**
 * How a command fails: its exit code, and one or two lines that say what happened and what to do.
 * Called by every command and, for what they throw, by program.ts.
 */
import { RingcastError } from '../../shared/errors.ts';
import { ConfigError } from '../config.ts';
import { escapeControls } from '../ops/terminal-text.ts';

export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  /** No hub to connect to. */
  unreachable: 3,
  /** The hub refused the token, or the token does not allow it. */
  refused: 4,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with `exitCode`; the message is all that is shown. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.exitCode = exitCode;
  }
}

export interface Failure {
  readonly exitCode: ExitCode;
  readonly message: string;
}

/** What to show for anything thrown. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof CliError) return { exitCode: error.exitCode, message: error.message };
  if (error instanceof ConfigError) return { exitCode: EXIT.failure, message: error.message };
  if (error instanceof RingcastError) {
    return { exitCode: exitCodeOf(error), message: `${error.message} (${error.code})` };
  }
  if (!(error instanceof Error)) return { exitCode: EXIT.failure, message: String(error) };
  // Plain errors tell of the world outside; the others (TypeError and its kin) of a mistake somewhere in here.
  const where = error.constructor === Error ? '' : ' (RINGCAST_DEBUG=1 shows where)';
  return { exitCode: EXIT.failure, message: `${error.message}${where}` };
}

function exitCodeOf({ code, advice }: RingcastError): ExitCode {
  if (advice === 'refresh-token') return EXIT.refused;
  return UNREACHABLE.has(code) ? EXIT.unreachable : EXIT.failure;
}

const UNREACHABLE: ReadonlySet<string> = new Set([
  'connection-lost',
  'timeout',
  'shutting-down',
  'too-many-connections',
  'hello-timeout',
  'keys-unavailable',
]);

/** Shows it on standard error; the stack only with RINGCAST_DEBUG. */
export function reportFailure(error: unknown): ExitCode {
  const { exitCode, message } = describeFailure(error);
  process.stderr.write(`ringcast: ${escapeControls(message)}\n`);
  if (process.env.RINGCAST_DEBUG) console.error(error);
  return exitCode;
}
