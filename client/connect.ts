/**
 * Makes a client and waits for its first welcome. Called by index.ts and node.ts, each with its transport.
 */
import { RingcastError } from '../shared/errors.ts';
import { Client } from './client.ts';
import { type ConnectOptions, readSettings } from './options.ts';
import type { OpenTransport } from './transport.ts';

export async function connectWith(
  url: string,
  options: ConnectOptions,
  openTransport: OpenTransport,
): Promise<Client> {
  const settings = readSettings(url, options, openTransport);
  const { signal, onStatus, onError } = options;
  signal?.throwIfAborted();
  const { outboxStore, hub } = settings;
  // Without a store, not a turn later.
  const keeper = outboxStore && (await outboxStore.open(hub));
  if (keeper && signal?.aborted) await keeper.release();
  signal?.throwIfAborted();
  const client = new Client(settings, keeper);
  outboxStore?.deliverLeftovers(
    client,
    hub,
    (leftover) => new Client({ ...settings, token: client.token }, leftover),
  );
  if (onStatus) client.on('status', onStatus);
  if (onError) client.on('error', onError);
  if (options.startOffline) {
    client.start();
    return client;
  }
  return new Promise((resolve, reject) => {
    const abort = () => client.giveUp(new RingcastError('closed', 'connecting was aborted'));
    const cancelTimeout = settings.clock.after(settings.timeoutMs, () => {
      const { failure } = client;
      const text = `not connected within ${settings.timeoutMs} ms; ${failure ? `last: ${failure.message}` : 'no answer yet'}`;
      client.giveUp(new RingcastError('timeout', text, { cause: failure }));
    });
    const stopListening = client.on('status', (status, failure) => {
      if (status !== 'live' && status !== 'catching-up' && status !== 'closed') return;
      stopListening();
      cancelTimeout();
      signal?.removeEventListener('abort', abort);
      if (status === 'closed') reject(signal?.aborted ? signal.reason : failure);
      else resolve(client);
    });
    signal?.addEventListener('abort', abort, { once: true });
    client.start();
  });
}
