/**
 * PROTOCOL.md against the code. Under a heading "### 0x02 subscribe" stand pairs of fenced blocks, `hex` and then
 * `json`: one frame in both forms. In hex, "#" begins a comment. "hex record" and "json record" are such a pair for a
 * record.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isChannelPattern, MAX_CHANNEL_NAME_BYTES } from '../../../shared/channel-name.ts';
import { jsonCodec, msgpackCodec } from '../../../shared/codec.ts';
import { adviceFor, adviceForClose, CLOSE_CODES, ERROR_CODES } from '../../../shared/errors.ts';
import {
  CLIENT_LAYOUTS,
  type ClientFrame,
  MAX_PUBLISH_ENTRIES,
  MAX_PUBLISH_RECORDS,
  SERVER_LAYOUTS,
  type ServerFrame,
  SUBPROTOCOLS,
} from '../../../shared/frames.ts';
import { encodeValue } from '../../../shared/msgpack.ts';
import { MAX_NESTING } from '../../../shared/msgpack-bytes.ts';
import { RunReader } from '../../../shared/record-run.ts';
import { GAP_REASONS, type LogRecord } from '../../../shared/terms.ts';
import { recordInput } from '../../../shared/wire-kinds.ts';
import { plain, runOf } from './wire-arbitraries.ts';

const PAGE = readFileSync(new URL('../../../shared/PROTOCOL.md', import.meta.url), 'utf8');

interface Section {
  readonly opcode: number;
  readonly op: string;
  readonly text: string;
  readonly examples: readonly { readonly hex: string; readonly json: Record<string, unknown> }[];
}

function blocksOf(text: string): { info: string; body: string }[] {
  return [...text.matchAll(/^```([^\n]+)\n(.*?)^```$/gms)].map(([, info, body]) => ({
    info: info!,
    body: body!,
  }));
}

const bytesOf = (body: string) => body.replaceAll(/#.*$/gm, '').replaceAll(/\s/g, '');

/** Throws where hex and json do not alternate, so that no example is passed over. */
function pairsOf(text: string, suffix = ''): Section['examples'] {
  const blocks = blocksOf(text).filter(({ info }) => info === `hex${suffix}` || info === `json${suffix}`);
  const pairs = [];
  for (let i = 0; i < blocks.length; i += 2) {
    const [hex, json] = [blocks[i], blocks[i + 1]];
    if (hex?.info !== `hex${suffix}` || json?.info !== `json${suffix}`) {
      throw new Error(`hex and json must alternate, near: ${hex?.body}`);
    }
    pairs.push({ hex: bytesOf(hex.body), json: JSON.parse(json.body) });
  }
  return pairs;
}

/** The frame's sections: from "### 0x…" to the next heading. */
const sections: Section[] = [...PAGE.matchAll(/^### 0x([0-9a-f]{2}) (\S+)$(.*?)(?=^##)/gms)].map(
  ([, opcode, op, text]) => ({
    opcode: Number.parseInt(opcode!, 16),
    op: op!,
    text: text!,
    examples: pairsOf(text!),
  }),
);

const layouts = { ...CLIENT_LAYOUTS, ...SERVER_LAYOUTS } as Record<
  string,
  { opcode: number; carriesRun: boolean }
>;
const RESERVED = new Map([
  [0x06, 'credit'],
  [0x4c, 'sparse-batch'],
]);
const described = sections.filter(({ opcode }) => !RESERVED.has(opcode));
const examples = described.flatMap(({ op, opcode, examples }) =>
  examples.map((example, i) => ({ op, opcode, ...example, name: `${op}, example ${i + 1}` })),
);

const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
const asJson = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));
const toBytes = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** Rows of the tables below a heading, as cells. */
function rowsUnder(heading: string): string[][] {
  const text = PAGE.slice(PAGE.indexOf(`\n## ${heading}`) + 1);
  const end = text.indexOf('\n## ', 1);
  return (end < 0 ? text : text.slice(0, end))
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
    .filter((cells) => !cells.every((cell) => /^-+$/.test(cell)));
}

describe('the frames of PROTOCOL.md', () => {
  it('are those of the code, under their opcodes', () => {
    const opcodes = (list: { op: string; opcode: number }[]) =>
      list.map(({ op, opcode }) => `${opcode} ${op}`).sort();
    expect(opcodes(described)).toEqual(
      opcodes(Object.entries(layouts).map(([op, { opcode }]) => ({ op, opcode }))),
    );
  });

  it('keep the reserved opcodes free, and say that they are reserved', () => {
    const reserved = sections.filter(({ opcode }) => RESERVED.has(opcode));
    expect(new Map(reserved.map(({ opcode, op }) => [opcode, op]))).toEqual(RESERVED);
    for (const { text } of reserved) expect(text).toContain('Reserved');
    const taken = Object.values(layouts).map(({ opcode }) => opcode);
    expect(taken.filter((opcode) => RESERVED.has(opcode))).toEqual([]);
  });

  it.each(described)(
    '$op has a table of its fields in the order of the wire, and an example',
    ({ text, examples }) => {
      expect(examples.length).toBeGreaterThan(0);
      const table = [...text.matchAll(/^\| (\d+|last) +\| (\w+) +\|/gm)].map(([, place, field]) => [
        place,
        field,
      ]);
      const { op, records, ...fields } = examples[0]!.json;
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
    expect(records.map(({ offset }) => offset)).toEqual(
      records.map((_, i) => (json.firstOffset as number) + i),
    );
    const run = runOf(records.map(recordFromJson));
    expect(toHex(msgpackCodec.encodeServer({ ...frame, run } as ServerFrame))).toBe(hex);
    expect(fields.count).toBe(records.length);
  });
});

function recordFromJson(json: Record<string, unknown>): LogRecord {
  return { timeMs: json.timeMs as number, ...recordInput.fromJson(json, 'record') };
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

describe('the tables of PROTOCOL.md', () => {
  it('list every error code with its advice, and no other', () => {
    const rows = rowsUnder('15 ').filter((cells) => cells.length === 5 && cells[0] !== 'code');
    const listed = rows.slice().map(([code, , advice]) => [code, advice]);
    expect(listed).toEqual(ERROR_CODES.map((code) => [`\`${code}\``, `\`${adviceFor(code)}\``]));
    for (const cells of rows)
      expect(
        cells.every((cell) => cell !== ''),
        cells.join(),
      ).toBe(true);
  });

  it('name only closes that exist where an error ends the connection', () => {
    const closes = new Set<string>(Object.values(CLOSE_CODES).map(String));
    const rows = rowsUnder('15 ').filter((cells) => cells.length === 5 && cells[0] !== 'code');
    for (const [code, , , , ends] of rows) {
      const named = ends!.match(/\d{4}/g) ?? [];
      expect(
        named.filter((close) => !closes.has(close)),
        code,
      ).toEqual([]);
      expect(ends!.startsWith('no') || named.length > 0, `${code}: ${ends}`).toBe(true);
    }
  });

  it('list every close code with its name and advice, and no other', () => {
    const listed = rowsUnder('16 ')
      .filter(([close]) => /^\d{4}$/.test(close!))
      .map(([close, name, , advice]) => [Number(close), name, advice]);
    expect(listed).toEqual(
      Object.entries(CLOSE_CODES).map(([name, close]) => [
        close,
        `\`${name}\``,
        `\`${adviceForClose(close)}\``,
      ]),
    );
  });

  it('give the ranges of close codes their advice', () => {
    const ranges = rowsUnder('16 ').flatMap(([range, advice]) => {
      const match = /^(\d{4})–(\d{4})$/.exec(range!);
      return match ? [[Number(match[1]), Number(match[2]), advice] as const] : [];
    });
    expect(ranges).toHaveLength(3);
    for (const [first, last, advice] of ranges) {
      for (const close of [first, last]) expect(`\`${adviceForClose(close)}\``).toBe(advice);
      expect(`\`${adviceForClose(last + 1)}\``).not.toBe(advice);
    }
  });

  it('list every gap reason and both subprotocols', () => {
    const reasons = rowsUnder('1 ').map(([word]) => word);
    for (const reason of GAP_REASONS) expect(reasons).toContain(`\`${reason}\``);
    const protocols = rowsUnder('2 ')
      .slice(1)
      .map(([protocol, form]) => [form!.toLowerCase(), protocol]);
    expect(protocols).toEqual(
      Object.entries(SUBPROTOCOLS).map(([form, protocol]) => [form, `\`${protocol}\``]),
    );
  });

  it('give the limits that the code has', () => {
    const limits = new Map(rowsUnder('17 ').map(([what, limit]) => [what, limit]));
    const number = (what: string) => Number(/[\d,]+/.exec(limits.get(what) ?? '')?.[0].replaceAll(',', ''));
    expect(number('nesting of arrays and maps')).toBe(MAX_NESTING);
    expect(number('channel name')).toBe(MAX_CHANNEL_NAME_BYTES);
    expect(number('entries of a publish')).toBe(MAX_PUBLISH_ENTRIES);
    expect(number('records of an entry')).toBe(MAX_PUBLISH_RECORDS);
    const accepts = (frame: unknown) => {
      try {
        return msgpackCodec.decodeClient(encodeValue(frame)) !== undefined;
      } catch {
        return false;
      }
    };
    const published = (key: string | null, meta: object | null) => [
      4,
      1,
      'disk',
      [['c', [[key, meta, new Uint8Array(1)]]]],
    ];
    const metaOf = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`m${i}`, i]));
    const bounds: [what: string, frame: (size: number) => unknown][] = [
      ['token', (size) => [1, 'x'.repeat(size), null, [], null]],
      ['features', (size) => [1, null, null, Array(size).fill('f'), null]],
      ['client, producerId', (size) => [1, null, 'x'.repeat(size), [], 'x'.repeat(size)]],
      ['key, in the frame', (size) => published('k'.repeat(size), null)],
      ['meta', (size) => published(null, metaOf(size))],
    ];
    for (const [what, frame] of bounds) {
      expect(accepts(frame(number(what))), what).toBe(true);
      expect(accepts(frame(number(what) + 1)), what).toBe(false);
    }
  });

  it('number the invariants without a hole', () => {
    const numbers = [...PAGE.matchAll(/^- \*\*I(\d+) /gm)].map(([, number]) => Number(number));
    expect(numbers.length).toBeGreaterThan(10);
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  });

  it('link to headings that exist', () => {
    const anchors = new Set(
      [...PAGE.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
        title!
          .toLowerCase()
          .replaceAll(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
      ),
    );
    const links = [...PAGE.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor!);
    expect(links).toHaveLength(19);
    expect(links.filter((link) => !anchors.has(link))).toEqual([]);
  });
});
