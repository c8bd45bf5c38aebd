/** The tables, numbers and links of PROTOCOL.md against the code. */
import { describe, expect, it } from 'vitest';
import { MAX_CHANNEL_NAME_BYTES } from '../../../shared/channel-name.ts';
import { jsonCodec, msgpackCodec } from '../../../shared/codec.ts';
import { adviceFor, adviceForClose, CLOSE_CODES, ERROR_CODES } from '../../../shared/errors.ts';
import {
  type ClientFrame,
  MAX_PUBLISH_ENTRIES,
  MAX_PUBLISH_RECORDS,
  SUBPROTOCOLS,
} from '../../../shared/frames.ts';
import { decodeValue, encodeValue } from '../../../shared/msgpack.ts';
import { MAX_NESTING } from '../../../shared/msgpack-bytes.ts';
import { DELIVERIES, DROP_POLICIES, GAP_REASONS } from '../../../shared/terms.ts';
import { from, wireForm } from '../../../shared/wire-kinds.ts';
import { PAGE, rowsUnder, sectionOf, tableAfter } from './protocol-page.ts';

describe('the tables of PROTOCOL.md', () => {
  it('list every error code with its advice, and no other', () => {
    const rows = rowsUnder('17 ').filter((cells) => cells.length === 5 && cells[0] !== 'code');
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
    const rows = rowsUnder('17 ').filter((cells) => cells.length === 5 && cells[0] !== 'code');
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
    const listed = rowsUnder('18 ')
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
    const ranges = rowsUnder('18 ').flatMap(([range, advice]) => {
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
    expect(reasons.slice(1)).toEqual(GAP_REASONS.map((reason) => `\`${reason}\``));
    const protocols = rowsUnder('2 ')
      .slice(1)
      .map(([protocol, form]) => [form!.toLowerCase(), protocol]);
    expect(protocols).toEqual(
      Object.entries(SUBPROTOCOLS).map(([form, protocol]) => [form, `\`${protocol}\``]),
    );
  });

  it('give the limits that the code has', () => {
    const limits = new Map(rowsUnder('19 ').map(([what, limit]) => [what, limit]));
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

  it('list the policies, and every subscribe option with its values', () => {
    const policies = rowsUnder('5 ').map(([policy]) => policy);
    expect(policies.slice(1)).toEqual(DROP_POLICIES.map((policy) => `\`${policy}\``));
    const rows = tableAfter(sectionOf('subscribe'), 'option');
    const options = ['policy', 'maxLagRecords', 'maxLagBytes', 'creditBytes', 'heldBytes', 'deliver'];
    expect(rows.map(([option]) => option)).toEqual(options.map((option) => `\`${option}\``));
    const byName = new Map(rows.map((cells) => [cells[0], cells.join()]));
    for (const policy of DROP_POLICIES) expect(byName.get('`policy`')).toContain(`\`${policy}\``);
    for (const delivery of DELIVERIES) expect(byName.get('`deliver`')).toContain(`\`${delivery}\``);
  });

  it('name the parts of an entry in the order of the wire', () => {
    const parts = tableAfter(sectionOf('publish'), 'part').map(([part]) => part!.replaceAll('`', ''));
    const record = { key: null, meta: null, payload: encodeValue(1) };
    const expectedCursor = { epoch: 3, offset: 5 };
    const entry = { channel: 'c', records: [record], sequence: 7, first: true, expectedCursor };
    const frame: ClientFrame = { op: 'publish', id: 1, ack: 'disk', entries: [entry] };
    const { entries } = JSON.parse(new TextDecoder().decode(jsonCodec.encodeClient(frame)));
    expect(parts).toEqual(Object.keys(entries[0]));
    const bytes = msgpackCodec.encodeClient(frame);
    const [, , , [written]] = decodeValue(bytes, { timestamps: false }) as [0, 0, 0, unknown[][]];
    expect(written!.slice(2)).toEqual([7, true, '3-5']);
    expect(written).toHaveLength(parts.length);
    expect(PAGE).toContain(`\`[${parts.join(', ')}]\``);
    expect(PAGE).toContain(`\`{${parts.join(', ')}}\``);
  });

  it('show every place to read from, each of which the code reads', () => {
    const shown = rowsUnder('3 ')
      .map(([place]) => place!)
      .filter((place) => /^`[{"]/.test(place))
      .map((place) => JSON.parse(place.replaceAll('`', '').replace('n}', '5}').replace('ms}', '5}')));
    expect(shown).toHaveLength(7);
    for (const place of shown)
      expect(from.write(from.read(place, 'from', wireForm), wireForm)).toEqual(place);
  });

  it('number the invariants without a hole', () => {
    const numbers = [...PAGE.matchAll(/^- \*\*I(\d+) /gm)].map(([, number]) => Number(number));
    expect(numbers.length).toBeGreaterThan(10);
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  });

  it('refer to sections that exist, which are numbered without a hole', () => {
    const numbers = [...PAGE.matchAll(/^## (\d+) /gm)].map(([, number]) => Number(number));
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
    const meant = [...PAGE.matchAll(/[Ss]ections?\s+(\d+)/g)].map(([, number]) => Number(number));
    expect(meant.length).toBeGreaterThan(30);
    expect(meant.filter((number) => !numbers.includes(number))).toEqual([]);
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
    expect(links).toHaveLength(21);
    expect(links.filter((link) => !anchors.has(link))).toEqual([]);
  });
});
