/**
 * Ctrl-C and its kin as an AbortSignal. The first asks a command to end well; the second ends the process.
 */

/**
 * npm and npx pass a SIGINT on to the process they run, which the terminal has sent it as well: what comes this soon
 * after the first is its echo.
 */
const ECHO_MS = 500;

/** `onSecond` runs when the user insists, just before the process exits with `exitCode`. */
export interface SecondInterrupt {
  readonly exitCode: number;
  readonly onSecond?: () => void;
}

export function interruptSignal(second: SecondInterrupt = { exitCode: 130 }): AbortSignal {
  const controller = new AbortController();
  let firstMs = 0;
  const interrupt = (name: NodeJS.Signals) => {
    if (!controller.signal.aborted) {
      firstMs = performance.now();
      return controller.abort();
    }
    // A supervisor may repeat its SIGTERM while it waits; only people insist.
    if (name !== 'SIGINT' || performance.now() - firstMs < ECHO_MS) return;
    second.onSecond?.();
    process.exit(second.exitCode);
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, interrupt);
  return controller.signal;
}

/** Resolves when the signal is given. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
