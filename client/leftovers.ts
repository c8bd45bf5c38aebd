/**
 * Publishes what clients that are gone have left in an outbox store, each content under its own name and so over a
 * connection of its own, for as long as that takes. Called by connect.ts for every client with a store.
 */
import { Client } from './client.ts';
import type { Settings, Status } from './options.ts';
import type { OutboxStore } from './outbox-store.ts';

/** How long one content may take once connected, ms. What is not done by then is left as it is. */
const DELIVERY_MS = 60_000;

/** Looks for leftovers whenever the client has connected. */
export function deliverLeftovers(client: Client, store: OutboxStore, settings: Settings): void {
  let running = false;
  let wasConnected = false;
  client.on('status', async (status) => {
    const connects = !wasConnected && isConnected(status);
    wasConnected = isConnected(status);
    if (!connects || running) return;
    running = true;
    try {
      while (isConnected(client.status) && (await deliverOne(client, store, settings)));
    } catch (error) {
      client.report(error, null);
    }
    running = false;
  });
}

/** False when there was none, or not all of it could be delivered. */
async function deliverOne(client: Client, store: OutboxStore, settings: Settings): Promise<boolean> {
  const claim = await store.claimLeftovers(settings.hub);
  if (!claim) return false;
  const deliverer = new Client({ ...settings, token: client.token }, claim);
  let isDone = false;
  deliverer.on('error', (error, channel) => client.report(error, channel));
  deliverer.on('status', (status) => {
    if (status === 'closed') isDone = deliverer.backlog.outboxBytes === 0;
  });
  const giveUp = client.on('status', (status) => status === 'closed' && deliverer.close({ timeoutMs: 0 }));
  await new Promise<void>((resolve) => {
    deliverer.on('status', (status) => {
      if (isConnected(status) || status === 'closed') resolve();
    });
    deliverer.start();
  });
  await deliverer.close({ timeoutMs: DELIVERY_MS });
  giveUp();
  return isDone;
}

function isConnected(status: Status): boolean {
  return status === 'live' || status === 'catching-up';
}
