/** A reader that reads, for the least CPU: counts markers in the raw bytes. */
import { DIALECTS } from './dialect.ts';
import { MarkerCounter } from './marker.ts';
import { openRaw } from './raw-socket.ts';

export async function openHealthy(
  url: string,
  token: string,
  channel: string,
  onTime: (timeMs: number) => void,
): Promise<void> {
  const counter = new MarkerCounter(onTime);
  const socket = await openRaw(new URL(url), DIALECTS.ringcast!.protocol, (bytes) => counter.take(bytes));
  await DIALECTS.ringcast!.prepare(socket, token, true, channel);
}
