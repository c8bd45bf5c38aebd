/**
 * The SDK for browsers, workers and whatever has a WebSocket of its own. node.ts is the same over the `ws` package.
 *
 *     const client = await connect('wss://hub.example/', { token: () => fetchToken() });
 *     for await (const record of client.subscribe('market.us.AAPL', { from: { last: 10 } })) show(record.data);
 */
import type { Client } from './client.ts';
import { connectWith } from './connect.ts';
import type { ConnectOptions } from './options.ts';
import { openWebSocket } from './transport.ts';

export * from './exports.ts';

/**
 * Resolves after the hub's first welcome, and from then on reconnects by itself. Passing failures are tried again for
 * `timeoutMs`; rejects with RingcastError: the hub's final refusal, or `timeout` with the last failure as its cause.
 * Rejects with TypeError for a bad URL or option.
 */
export function connect(url: string, options: ConnectOptions): Promise<Client> {
  return connectWith(url, options, openWebSocket);
}
