/** A reader that reads, for the least CPU: counts markers in the raw bytes. */
import { RINGCAST, subscribeFrame } from './dialects/ringcast.ts';
import { MarkerCounter } from './marker.ts';
import { openRaw } from './raw-socket.ts';

export async function openHealthy(
  url: string,
  token: string,
  channel: string,
  onTime: (timeMs: number) => void,
): Promise<void> {
  const counter = new MarkerCounter(onTime);
  const socket = await openRaw(new URL(url), RINGCAST.protocol, (bytes) => counter.take(bytes));
  await RINGCAST.open(socket, token);
  const confirmed = socket.expect('channelNumber');
  socket.send(subscribeFrame(1, channel));
  await confirmed;
}
