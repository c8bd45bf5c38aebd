/**
 * Publishes what clients that are gone have left in an outbox store, each content under its own name and so over a
 * connection of its own, for as long as that takes. Called by the store for every client that has one.
 */
import type { RingcastError } from '../../shared/errors.ts';
import type { Client } from '../client.ts';
import type { Status } from '../options.ts';

/** How long one content may take once connected, ms. What is not done by then is left as it is. */
const DELIVERY_MS = 60_000;

/** The client that may deliver what others have left. */
export type LeftoverOwner = Pick<Client, 'status' | 'on' | 'report'>;
/** A client, not started yet, for one content. */
export type Deliverer = Pick<Client, 'backlog' | 'close' | 'on' | 'start'>;

/**
 * Looks for leftovers whenever the client has connected.
 * @param claim the next content; undefined when there is none.
 */
export function deliverLeftovers(client: LeftoverOwner, claim: () => Promise<Deliverer | undefined>): void {
  let running = false;
  let wasConnected = false;
  client.on('status', async (status) => {
    const connects = !wasConnected && isConnected(status);
    wasConnected = isConnected(status);
    if (!connects || running) return;
    running = true;
    try {
      while (isConnected(client.status)) {
        const deliverer = await claim();
        if (!deliverer || !(await deliver(client, deliverer))) break;
      }
    } catch (error) {
      client.report(error, null);
    }
    running = false;
  });
}

/** False when not all of it could be delivered. */
async function deliver(client: LeftoverOwner, deliverer: Deliverer): Promise<boolean> {
  let isDone = false;
  // What was delivered and could not be taken out of the store would be the next to be claimed, again and again.
  let isStoreFailing = false;
  deliverer.on('error', (error, channel) => {
    isStoreFailing ||= (error as RingcastError).code === 'storage-failed';
    client.report(error, channel);
  });
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
  return isDone && !isStoreFailing;
}

function isConnected(status: Status): boolean {
  return status === 'live' || status === 'catching-up';
}
