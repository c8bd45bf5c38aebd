/** The frames and examples of PROTOCOL.md against the code; its tables have their own tests. */
import { describe, expect, it } from 'vitest';
import { isChannelPattern } from '../../../shared/channel-name.ts';
import { CLIENT_LAYOUTS } from '../../../shared/client-layouts.ts';
import { jsonCodec, msgpackCodec } from '../../../shared/codec.ts';
import { SERVER_LAYOUTS } from '../../../shared/frame-layouts.ts';
import type { ClientFrame, ServerFrame } from '../../../shared/frames.ts';
import { jsonForm } from '../../../shared/json-form.ts';
import { recordInput } from '../../../shared/record-input.ts';
import { RunReader } from '../../../shared/record-run.ts';
import type { LogRecord } from '../../../shared/terms.ts';
import { blocksOf, PAGE, pairsOf, type Section, sections } from './protocol-page.ts';
import { plain, runOf } from './wire-arbitraries.ts';

const layouts = { ...CLIENT_LAYOUTS, ...SERVER_LAYOUTS } as Record<
  string,
  { opcode: number; carriesRun: boolean }
>;
const examples = sections.flatMap(({ op, opcode, examples }) =>
  examples.map((example, i) => ({ op, opcode, ...example, name: `${op}, example ${i + 1}` })),
);

const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
const asJson = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));
const toBytes = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('the frames of PROTOCOL.md', () => {
  it('are those of the code, under their opcodes', () => {
    const opcodes = (list: { op: string; opcode: number }[]) =>
      list.map(({ op, opcode }) => `${opcode} ${op}`).sort();
    expect(opcodes(sections)).toEqual(
      opcodes(Object.entries(layouts).map(([op, { opcode }]) => ({ op, opcode }))),
    );
  });

  it.each(sections)(
    '$op has a table of its fields in the order of the wire, and an example that has them all',
    ({ text, examples }) => {
      expect(examples.length).toBeGreaterThan(0);
      const table = [...text.matchAll(/^\| (\d+|last) +\| (\w+) +\|/gm)].map(([, place, field]) => [
        place,
        field,
      ]);
      // Fields that were added later are absent where they are not needed.
      const [fullest] = examples.toSorted((a, b) => Object.keys(b.json).length - Object.keys(a.json).length);
      const { op, records, ...fields } = fullest!.json;
      const expected = Object.keys(fields).map((field, i) => [String(i + 1), field]);
      if (layouts[op as string]!.carriesRun) expected.push(['last', 'records']);
      expect(table).toEqual(expected);
    },
  );
});

describe('each example', () => {
  it.each(examples)('$name: begins with its opcode and has its name', ({ op, opcode, hex, json }) => {
    const bytes = fromHex(hex);
    expect(bytes[0]! & 0xf0).toBe(0x90);
    expect(bytes[1]).toBe(opcode);
    expect(json.op).toBe(op);
  });

  const clients = examples.filter(({ op }) => op in CLIENT_LAYOUTS);
  const servers = examples.filter(({ op }) => op in SERVER_LAYOUTS);
  const plainServers = servers.filter(({ op }) => !layouts[op]!.carriesRun);
  const runServers = servers.filter(({ op }) => layouts[op]!.carriesRun);

  it.each(clients)('$name: hex and JSON are the same frame, read and written', ({ hex, json }) => {
    const frame = msgpackCodec.decodeClient(fromHex(hex));
    expect(asJson(jsonCodec.encodeClient(frame))).toEqual(json);
    expect(toHex(msgpackCodec.encodeClient(frame))).toBe(hex);
    const fromJson = jsonCodec.decodeClient(toBytes(json)) as ClientFrame;
    expect(plain(fromJson)).toEqual(plain(frame));
    expect(toHex(msgpackCodec.encodeClient(fromJson))).toBe(hex);
  });

  it.each(plainServers)('$name: hex and JSON are the same frame, read and written', ({ hex, json }) => {
    const frame = msgpackCodec.decodeServer(fromHex(hex))!;
    expect(asJson(jsonCodec.encodeServer(frame))).toEqual(json);
    expect(toHex(msgpackCodec.encodeServer(frame))).toBe(hex);
    const fromJson = jsonCodec.decodeServer(toBytes(json))!;
    expect(plain(fromJson)).toEqual(plain(frame));
    expect(toHex(msgpackCodec.encodeServer(fromJson))).toBe(hex);
  });

  it.each(runServers)('$name: hex and JSON are the same frame, its records too', ({ hex, json }) => {
    const frame = msgpackCodec.decodeServer(fromHex(hex))!;
    expect(asJson(jsonCodec.encodeServer(frame))).toEqual(json);
    expect(toHex(msgpackCodec.encodeServer(frame))).toBe(hex);
    const { records, ...fields } = json as { records: Record<string, unknown>[]; count: number };
    const offsets = json.offsets ?? records.map((_, i) => (json.firstOffset as number) + i);
    expect(records.map(({ offset }) => offset)).toEqual(offsets);
    const run = runOf(records.map(recordFromJson));
    expect(toHex(msgpackCodec.encodeServer({ ...frame, run } as ServerFrame))).toBe(hex);
    expect(fields.count).toBe(records.length);
  });
});

function recordFromJson(json: Record<string, unknown>): LogRecord {
  return { timeMs: json.timeMs as number, ...recordInput.read(json, 'record', jsonForm) };
}

describe('other examples', () => {
  it('the record shown byte by byte is the record shown in JSON', () => {
    const [{ hex, json }, ...others] = pairsOf(PAGE, ' record') as [Section['examples'][number]];
    expect(others).toEqual([]);
    expect(toHex(runOf([recordFromJson(json)]))).toBe(hex);
    const reader = new RunReader(fromHex(hex));
    expect(reader.next()).toBe(true);
    expect([reader.timeMs, reader.key, reader.end]).toEqual([json.timeMs, json.key, hex.length / 2]);
    expect(PAGE).toContain(`A record of ${hex.length / 2} bytes`);
    expect(PAGE).toContain(new Date(json.timeMs as number).toISOString());
  });

  it('the claims are in the form of a grant', () => {
    const [claims] = blocksOf(PAGE).filter(({ info }) => info === 'json claims');
    const { ringcast } = JSON.parse(claims!.body);
    expect(Object.keys(ringcast)).toEqual(['subscribe', 'publish', 'admin']);
    for (const pattern of [...ringcast.subscribe, ...ringcast.publish])
      expect(isChannelPattern(pattern)).toBe(true);
  });

  it('no fenced block is of a kind that no test reads', () => {
    const kinds = new Set(blocksOf(PAGE).map(({ info }) => info));
    expect([...kinds].sort()).toEqual(['hex', 'hex record', 'json', 'json claims', 'json record', 'text']);
    const framed = blocksOf(PAGE).filter(({ info }) => info === 'hex' || info === 'json');
    expect(framed).toHaveLength(examples.length * 2);
  });
});
