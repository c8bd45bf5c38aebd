import { expect, test } from 'vitest';
import { msgpackCodec } from '../../shared/codec.ts';
import type { ClientFrame } from '../../shared/frames.ts';
import { encodeValue } from '../../shared/msgpack.ts';
import { Random } from '../support/random.ts';
import { type RawClient, record } from '../support/raw-client.ts';
import { startHub, type TestHub } from '../support/start-hub.ts';
import { until } from '../support/until.ts';

/** A publisher and a reader beside whatever happens, who must not notice. */
class HealthyPair {
  readonly #publisher: RawClient;
  readonly #reader: RawClient;
  readonly #number: number;
  #sent = 0;

  static async start(hub: TestHub): Promise<HealthyPair> {
    const publisher = await hub.connect();
    const reader = await hub.connect();
    return new HealthyPair(publisher, reader, (await reader.subscribe('healthy')).channelNumber);
  }

  private constructor(publisher: RawClient, reader: RawClient, number: number) {
    this.#publisher = publisher;
    this.#reader = reader;
    this.#number = number;
  }

  async check(): Promise<void> {
    await this.#publisher.publish('healthy', [this.#sent++]);
    const history = () => this.#reader.history(this.#number);
    await until(() => history().values.length === this.#sent, { what: 'the healthy reader', have: history });
    expect(history().values.at(-1)).toBe(this.#sent - 1);
  }
}

const bytes = (...parts: (number | Uint8Array | string)[]) =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part as string))),
  );
const frame = (...items: unknown[]) => Buffer.from(encodeValue(items));

const malformed: [name: string, sent: Uint8Array][] = [
  ['nothing', bytes()],
  ['no array', bytes(0x01)],
  ['an empty array', bytes(0x90)],
  ['a truncated array', bytes(0x93, 0x08)],
  ['a truncated string', bytes(0x92, 0x02, 0xd9, 0xff, 'a')],
  ['a string of 4 GiB', bytes(0x92, 0x02, 0xdb, 0xff, 0xff, 0xff, 0xff)],
  ['a bin of 4 GiB', bytes(0x92, 0x04, 0xc6, 0xff, 0xff, 0xff, 0xff)],
  ['an array of 4 G elements', bytes(0xdd, 0xff, 0xff, 0xff, 0xff, 0x08)],
  ['a map of 4 G members', bytes(0x95, 0x02, 0x01, 0xa1, 'a', 0xdf, 0xff, 0xff, 0xff, 0xff)],
  ['arrays 100,000 deep', bytes(0x92, 0x08, Buffer.alloc(100_000, 0x91), 0x01)],
  ['maps 100,000 deep', bytes(0x92, 0x08, Buffer.alloc(200_000, '\x81\xa0', 'latin1'), 0x01)],
  ['a byte that msgpack does not use', bytes(0x92, 0x08, 0xc1)],
  ['an extension', bytes(0x92, 0x08, 0xd4, 0x05, 0x00)],
  ['a timestamp', bytes(0x92, 0x08, 0xd6, 0xff, 0, 0, 0, 0)],
  ['bytes behind the frame', bytes(0x92, 0x08, 0x01, 0x00)],
];

const mistyped: [name: string, sent: Uint8Array][] = [
  ['ping without an id', frame(8)],
  ['ping −1', frame(8, -1)],
  ['ping 1.5', frame(8, 1.5)],
  ['ping 2^53', frame(8, 2 ** 53)],
  ['ping 2^64 − 1', bytes(0x92, 0x08, 0xcf, Buffer.alloc(8, 0xff))],
  ['ping NaN', frame(8, Number.NaN)],
  ['ping "1"', frame(8, '1')],
  ['subscribe to 7', frame(2, 1, 7, 'latest')],
  ['subscribe to 2000 characters', frame(2, 1, 'a'.repeat(2000), 'latest')],
  ['subscribe from nothing', frame(2, 1, 'a')],
  ['subscribe from "now"', frame(2, 1, 'a', 'now')],
  ['subscribe from {last: -1}', frame(2, 1, 'a', { last: -1 })],
  ['subscribe from {cursor: 5}', frame(2, 1, 'a', { cursor: 5 })],
  ['subscribe from {cursor: "x"}', frame(2, 1, 'a', { cursor: '1-1-1' })],
  ['subscribe with options []', frame(2, 1, 'a', 'latest', [])],
  ['unsubscribe "a"', frame(3, 1, 'a')],
  ['publish with ack "both"', frame(4, 1, 'both', [])],
  ['publish with entries {}', frame(4, 1, 'memory', {})],
  ['publish with an entry "a"', frame(4, 1, 'memory', ['a'])],
  ['publish with records nil', frame(4, 1, 'memory', [['a', null]])],
  ['publish with a payload of text', frame(4, 1, 'memory', [['a', [[null, null, 'text']]]])],
  ['publish with a key 5', frame(4, 1, 'memory', [['a', [[5, null, Buffer.of(1)]]]])],
  ['publish with a meta of lists', frame(4, 1, 'memory', [['a', [[null, { a: [] }, Buffer.of(1)]]]])],
  ['publish with too many entries', frame(4, 1, 'memory', new Array(1025).fill(['a', []]))],
  ['pull with a limit "all"', frame(5, 1, 'a', 'latest', 'all')],
  ['pull with reverse 1', frame(5, 1, 'a', 'latest', null, 1)],
  ['pull with upTo {}', frame(5, 1, 'a', 'latest', null, null, {})],
  ['refresh with a token nil', frame(7, 1, null)],
];

test('what is malformed ends its connection with bad-frame, and no other', async () => {
  const hub = await startHub();
  const pair = await HealthyPair.start(hub);
  for (const [name, sent] of [...malformed, ...mistyped]) {
    const client = await hub.connect();
    client.sendRaw(sent);
    const error = await client.error(null).catch((cause) => cause);
    expect([name, error.code]).toEqual([name, 'bad-frame']);
    expect([name, await client.closed()]).toEqual([name, { code: 4200, reason: 'bad-frame' }]);
  }
  await pair.check();
});

test.each([
  ['no JSON', '{"op":"ping",'],
  ['an array', '["ping", 1]'],
  ['null', 'null'],
  ['arrays 100,000 deep', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
  ['a wrong field', '{"op":"ping","id":"1"}'],
  ['broken UTF-8', Buffer.of(0x7b, 0xff, 0x7d)],
  [
    'a payload 100 deep',
    `{"op":"publish","id":1,"ack":"memory","entries":[{"channel":"a","records":[{"data":${'['.repeat(100)}${']'.repeat(100)}}]}]}`,
  ],
  ['no payload', '{"op":"publish","id":1,"ack":"memory","entries":[{"channel":"a","records":[{}]}]}'],
  [
    'broken base64',
    '{"op":"publish","id":1,"ack":"memory","entries":[{"channel":"a","records":[{"payloadBase64":"%"}]}]}',
  ],
])('in the JSON form %s ends its connection only', async (_, sent) => {
  const hub = await startHub();
  const pair = await HealthyPair.start(hub);
  const client = await hub.connect({ form: 'json' });
  client.sendRaw(sent, { binary: false });
  const { code } = await client.closed();
  // Text that is not UTF-8 is the transport's to refuse.
  expect(code).toBe(Buffer.isBuffer(sent) ? 1006 : 4200);
  await pair.check();
});

test('an unknown opcode is answered unknown-opcode, and the connection stays', async () => {
  const hub = await startHub();
  const client = await hub.connect();
  for (const opcode of [0, 9, 0x41, 255, 1e9, -1, 'hello', null, { a: 1 }, 'x'.repeat(10_000)]) {
    client.sendRaw(frame(opcode, 1));
    const error = await client.error(null);
    expect(error.code).toBe('unknown-opcode');
    expect(error.message.length).toBeLessThan(200);
  }
  const json = await hub.connect({ form: 'json' });
  for (const op of ['credits', '__proto__', 'toString', '', 5, null]) {
    json.sendRaw(JSON.stringify({ op, id: 1 }), { binary: false });
    expect((await json.error(null)).code).toBe('unknown-opcode');
  }
  await client.ping();
  await json.ping();
});

test('elements beyond the known ones are ignored', async () => {
  const { connect } = await startHub();
  const client = await connect();
  client.sendRaw(frame(8, 5, 'more', { of: 'it' }));
  expect(await client.next('pong')).toEqual({ op: 'pong', id: 5 });
});

test('a frame over maxFrameBytes is answered frame-too-large, one over 16 MiB is cut, and others go on', async () => {
  const hub = await startHub();
  const pair = await HealthyPair.start(hub);
  const client = await hub.connect();
  client.sendRaw(new Uint8Array(10_000_000));
  expect(await client.error(null)).toMatchObject({ code: 'frame-too-large' });
  expect(await client.closed()).toEqual({ code: 4201, reason: 'frame-too-large' });
  const huge = await hub.connect();
  huge.sendRaw(new Uint8Array(17_000_000));
  expect((await huge.closed()).code).toBe(1006);
  await pair.check();
});

test('a frame of exactly maxFrameBytes is read', async () => {
  const { connect } = await startHub({
    config: { limits: { maxFrameBytes: 65_536, maxRecordBytes: 60_000 } },
  });
  const client = await connect();
  const padded = (size: number) =>
    Buffer.concat([bytes(0x93, 0x08, 0x05, 0xc5, (size - 6) >> 8, (size - 6) & 255), Buffer.alloc(size - 6)]);
  client.sendRaw(padded(65_536));
  await client.next('pong');
  client.sendRaw(padded(65_537));
  expect((await client.closed()).code).toBe(4201);
});

const samples: readonly ClientFrame[] = [
  { op: 'hello', token: 'x', client: null, features: [], producerId: null },
  { op: 'subscribe', id: 1, channel: 'fuzz', from: { cursor: { epoch: 1, offset: 2 } }, options: null },
  { op: 'subscribe', id: 2, channel: 'fuzz', from: { last: 5 }, options: {} },
  { op: 'unsubscribe', id: 3, channelNumber: 2 },
  {
    op: 'publish',
    id: 4,
    ack: 'memory',
    entries: [
      {
        channel: 'fuzz',
        records: [record('a', 'key'), { ...record([1, 2]), meta: { a: 1, b: 'c', d: true } }],
      },
      { channel: 'fuzz.b', records: [record(null)] },
    ],
  },
  {
    op: 'pull',
    id: 5,
    channel: 'fuzz',
    from: 'earliest',
    limit: 3,
    reverse: true,
    upTo: { epoch: 1, offset: 1 },
  },
  { op: 'refresh', id: 6, token: 'a.b.c' },
  { op: 'ping', id: 7 },
];

/** Noise, or a frame with a few bytes changed, taken away or put in. */
function randomFrame(random: Random): Uint8Array {
  if (random.chance(0.3)) return random.bytes(random.below(200));
  const sent = [...msgpackCodec.encodeClient(random.pick(samples))];
  for (let edits = 1 + random.below(4); edits > 0; edits--) {
    const at = random.below(sent.length + 1);
    sent.splice(at, random.below(3), ...random.bytes(random.below(3)));
  }
  return Uint8Array.from(sent);
}

test('a thousand random frames end their own connection at most', async () => {
  const random = new Random();
  const hub = await startHub();
  const pair = await HealthyPair.start(hub);
  let client = await hub.connect();
  let closed = 0;
  for (let i = 0; i < 1000; i++) {
    const sent = randomFrame(random);
    const what = `seed ${random.seed}, frame ${i} ${Buffer.from(sent).toString('hex')}`;
    client.sendRaw(sent);
    client.send({ op: 'ping', id: 1_000_000 + i });
    const answered = () => client.frames.some((each) => each.op === 'pong' && each.id === 1_000_000 + i);
    await until(() => client.close ?? answered(), { what });
    if (client.close) {
      expect([what, client.close.code]).toEqual([what, 4200]);
      client = await hub.connect();
      closed++;
    } else if (i % 50 === 0) {
      client.frames.length = 0;
    }
    if (i % 25 === 0) await pair.check();
  }
  await pair.check();
  // Both kinds were among them, or it was no test.
  expect([closed > 100, closed < 1000]).toEqual([true, true]);
}, 60_000);
