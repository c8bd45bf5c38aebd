/**
 * Records of the hub's own: appended as everybody's are, so that they are pushed, kept and replayed. They do not
 * count as published, or an idle hub would never look idle, and limits of users' records are none of theirs. Its figures
 * use it.
 */
import type { Channel } from './channel.ts';
import type { Hub } from './hub.ts';

/**
 * Appends one record, unless the disk is far behind or the hub is stopping. `payload` is one msgpack value.
 *
 * @param channel held by the caller
 */
export function appendOwn(hub: Hub, { log, memory }: Channel, payload: Uint8Array): boolean {
  if (hub.isStopping || hub.isPressed) return false;
  const before = log.headBytes;
  log.append(hub.clock.nowMs(), null, null, payload);
  hub.fanOut.grown(memory, log.headBytes - before);
  hub.logs.writeBehind.endOfPublish();
  hub.fanOut.schedule();
  return true;
}
