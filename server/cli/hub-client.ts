/**
 * The client of a command: found, connected, and with its ups and downs told on standard error.
 */
import { type Client, connect } from '../../client/node.ts';
import { RingcastError } from '../../shared/errors.ts';
import { CliError, EXIT } from './failure.ts';
import { findHub, type HubOptions } from './find-hub.ts';
import { note } from './output.ts';

/** How long a command tries to connect before it gives up. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Throws CliError `unreachable`, or RingcastError where the hub refused the token. */
export async function connectToHub(options: HubOptions, signal?: AbortSignal): Promise<Client> {
  const { url, token } = await findHub(options);
  try {
    return await connect(url, { token, client: 'ringcast-cli', timeoutMs: CONNECT_TIMEOUT_MS, signal });
  } catch (error) {
    if (signal?.aborted) throw new CliError(EXIT.failure, 'interrupted before it was connected');
    // A token function is asked again and again until the time is up.
    for (const found of [error, error instanceof Error ? error.cause : undefined]) {
      if (found instanceof RingcastError && found.advice === 'refresh-token') throw found;
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(EXIT.unreachable, `cannot connect to ${url}: ${reason}`, error);
  }
}

/** Tells on standard error when the hub goes away and comes back, from now on. `clear` runs before each line. */
export function noteReconnects(client: Client, clear: () => void = () => {}): void {
  let isAway = false;
  client.on('status', (status, failure) => {
    const isOffline = status === 'offline';
    const isBack = isAway && (status === 'live' || status === 'catching-up');
    if (!isOffline && !isBack) return;
    isAway = isOffline;
    clear();
    note(
      isBack
        ? 'ringcast: connected again'
        : `ringcast: ${failure?.message ?? 'the connection broke'}; connecting again…`,
    );
  });
}
