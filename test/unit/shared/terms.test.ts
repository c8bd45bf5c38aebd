import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareCursors, formatCursor, ORIGIN, parseCursor } from '../../../shared/terms.ts';
import { anyCursor } from './wire-arbitraries.ts';

const cursor = (epoch: number, offset: number) => ({ epoch, offset });

describe('compareCursors', () => {
  it('compares by pair: a later epoch is later whatever the offset', () => {
    expect(compareCursors(cursor(4, 105), cursor(3, 110))).toBeGreaterThan(0);
    expect(compareCursors(cursor(3, 110), cursor(4, 105))).toBeLessThan(0);
    expect(compareCursors(cursor(3, 104), cursor(3, 105))).toBeLessThan(0);
    expect(compareCursors(cursor(3, 105), cursor(3, 104))).toBeGreaterThan(0);
    expect(compareCursors(cursor(3, 105), cursor(3, 105))).toBe(0);
  });

  it('orders any three cursors one way, and none before ORIGIN', () => {
    fc.assert(
      fc.property(anyCursor, anyCursor, anyCursor, (a, b, c) => {
        expect(Math.sign(compareCursors(a, b)) + Math.sign(compareCursors(b, a))).toBe(0);
        const [low, , high] = [a, b, c].sort(compareCursors);
        expect(compareCursors(low!, high!)).toBeLessThanOrEqual(0);
        expect(compareCursors(ORIGIN, a)).toBeLessThanOrEqual(0);
        expect(compareCursors(a, b) === 0).toBe(a.epoch === b.epoch && a.offset === b.offset);
      }),
    );
  });
});

describe('the text of a cursor', () => {
  it('is epoch and offset in decimal', () => {
    expect(formatCursor(cursor(1_732_380_000, 110))).toBe('1732380000-110');
    expect(formatCursor(ORIGIN)).toBe('0-0');
  });

  it('gives the same cursor back', () => {
    fc.assert(
      fc.property(anyCursor, (one) => {
        expect(parseCursor(formatCursor(one))).toEqual(one);
      }),
    );
  });

  it.each([
    '',
    '-',
    '1',
    '1-',
    '-1',
    '1-2-3',
    '01-2',
    '1-02',
    '00-0',
    '+1-2',
    '1--2',
    '1.0-2',
    '1e3-2',
    '0x1-2',
    ' 1-2',
    '1-2 ',
    '1-2\n',
    '1_0-2',
    '١-٢',
    'a-b',
    '9007199254740992-1',
    '1-9007199254740992',
    '99999999999999999-1',
    '1-99999999999999999',
  ])('%j is none', (text) => expect(parseCursor(text)).toBeUndefined());

  it('that is one is the only text of its cursor', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123-'), maxLength: 12 }), (text) => {
        const one = parseCursor(text);
        if (one) expect(formatCursor(one)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });
});
