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

/** Throws CliError `unreachable` or `refused`. */
export async function connectToHub(options: HubOptions, signal?: AbortSignal): Promise<Client> {
  const { url, token } = await findHub(options);
  try {
    return await connect(url, {
      token,
      client: 'ringcast-cli',
      timeoutMs: CONNECT_TIMEOUT_MS,
      ...(signal && { signal }),
    });
  } catch (error) {
    if (error instanceof RingcastError && error.advice === 'refresh-token') throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(EXIT.unreachable, `cannot connect to ${url}: ${reason}`, error);
  }
}

/** Tells on standard error when the hub goes away and comes back, from now on. */
export function noteReconnects(client: Client, clear: () => void = () => {}): void {
  let wasLive = true;
  client.on('status', (status) => {
    const isLive = status === 'live';
    if (isLive === wasLive || status === 'closed') return;
    wasLive = isLive;
    clear();
    note(isLive ? 'ringcast: connected again' : 'ringcast: the connection broke; connecting again…');
  });
}
