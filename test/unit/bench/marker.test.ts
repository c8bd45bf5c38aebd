import { describe, expect, it } from 'vitest';
import { dialectOf } from '../../bench/dialects/index.ts';
import { MarkerCounter, markersIn, payloadOf, stamp } from '../../bench/marker.ts';

const PAYLOAD_BYTES = 100;
const TIME_MS = 1_795_544_763_123.456;

/** In pieces of `size`. */
function cut(bytes: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return pieces;
}

/** Payloads with `between` bytes in front of each. */
function stream(between: readonly number[], form: 'double' | 'digits'): Buffer {
  const parts = between.map((bytes, i) => {
    const payload = payloadOf(PAYLOAD_BYTES);
    stamp(payload, 0, TIME_MS + i, form);
    return Buffer.concat([Buffer.alloc(bytes, 0xc2), payload]);
  });
  return Buffer.concat(parts);
}

describe('counting markers', () => {
  for (const form of ['double', 'digits'] as const) {
    it(`finds each once with its time (${form}), however the stream is cut`, () => {
      // Even and uneven distances, and one across which a guess from the last one would skip.
      const bytes = stream([0, 3, 3, 3, 250, 103, 3, 0, 0, 7, 7], form);
      for (let size = 1; size <= bytes.length; size++) {
        const times: number[] = [];
        const counter = new MarkerCounter((timeMs) => times.push(timeMs), PAYLOAD_BYTES, form);
        let found = 0;
        // One buffer for all pieces, as the sockets have it: nothing may be kept of a piece but a copy.
        const reading = Buffer.alloc(size);
        for (const piece of cut(bytes, size)) found += counter.take(reading.subarray(0, piece.copy(reading)));
        expect(times, `cut in pieces of ${size}`).toEqual(Array.from({ length: 11 }, (_, i) => TIME_MS + i));
        expect([found, counter.count]).toEqual([11, 11]);
      }
    });
  }

  it('counts a marker that is no time yet when its time has come', () => {
    const counter = new MarkerCounter(undefined, PAYLOAD_BYTES);
    const payload = payloadOf(PAYLOAD_BYTES);
    expect(counter.take(payload.subarray(0, 12))).toBe(0);
    expect(counter.take(payload.subarray(12))).toBe(1);
  });
});

describe('the messages of a dialect', () => {
  const servers = ['ringcast', 'floor', 'ws', 'socketio', 'nats', 'nats-ws', 'redis', 'mosquitto-ws'];

  for (const server of servers) {
    it(`hold one marker each, whose time is read as it was stamped (${server})`, () => {
      const { publish, times: form } = dialectOf(server);
      const frame = publish(7, payloadOf(PAYLOAD_BYTES));
      const [at, ...others] = markersIn(frame);
      expect(others).toEqual([]);
      stamp(frame, at!, TIME_MS, form);
      const seen: number[] = [];
      new MarkerCounter((timeMs) => seen.push(timeMs), PAYLOAD_BYTES, form).take(frame);
      expect(seen).toEqual([TIME_MS]);
    });
  }

  it('stay valid text in Socket.IO once they are stamped', () => {
    const { publish, times } = dialectOf('socketio');
    const frame = publish(0, payloadOf(PAYLOAD_BYTES));
    stamp(frame, markersIn(frame)[0]!, TIME_MS, times);
    const text = frame.subarray(6 + (frame[1] === 0xfe ? 2 : 0));
    expect(new TextDecoder('utf-8', { fatal: true }).decode(text)).toMatch(/^42\["pub","bench\.00",".*"\]$/);
  });

  it('name no server that nobody can speak to', () => {
    expect(() => dialectOf('ringcaster')).toThrow(TypeError);
  });
});
