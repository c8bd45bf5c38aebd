/** The bench's payload as a record of Ringcast holds it: one msgpack value, and records as the log holds them. */
import { payloadOf } from './marker.ts';

/** msgpack bin, `bytes` long in all: 18 to 257. */
export function recordPayload(bytes: number): Buffer {
  return Buffer.concat([Buffer.of(0xc4, bytes - 2), payloadOf(bytes - 2)]);
}

/** `count` records without key and meta, one behind the other: `[timeMs, nil, nil, payload]` each. */
export function recordRun(payloadBytes: number, count: number): Buffer {
  const payload = recordPayload(payloadBytes);
  const head = Buffer.from('94cf0000019359ee273bc0c0', 'hex');
  const record = Buffer.concat([head, Buffer.of(0xc4, payload.length), payload]);
  return Buffer.concat(Array.from({ length: count }, () => record));
}
