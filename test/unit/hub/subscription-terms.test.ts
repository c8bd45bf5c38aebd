import { describe, expect, test } from 'vitest';
import { readTerms } from '../../../server/hub/subscription-terms.ts';
import type { Subscribe } from '../../../shared/frames.ts';
import { NO_CAPS, REPLAY } from '../../support/hub-core.ts';

const read = (options: Subscribe['options'], caps = NO_CAPS) =>
  readTerms({ op: 'subscribe', id: 1, channel: 'a', from: 'latest', options }, caps);
const refusal = (text: RegExp) =>
  expect.objectContaining({ code: 'bad-request', message: expect.stringMatching(text) });

describe('what a subscriber chooses', () => {
  test('is lossless replay from memory without credit, where nothing is said', () => {
    expect(read(null)).toEqual(REPLAY);
    expect(read({ policy: null, creditBytes: null })).toEqual(REPLAY);
  });

  test('is taken as it is within the operator’s caps', () => {
    const options = {
      policy: 'drop-oldest',
      maxLagRecords: 7,
      deliver: 'durable',
      creditBytes: 9,
      heldBytes: 3,
    };
    expect(read(options)).toEqual({
      ...REPLAY,
      policy: 'drop-oldest',
      maxLagRecords: 7,
      delivery: 'durable',
      windowBytes: 9,
      heldBytes: 3,
    });
  });

  test('is capped by the smaller limit, which the operator may be the only one to set', () => {
    const caps = { ...NO_CAPS, maxLagRecords: 5, maxLagBytes: 100 };
    expect(read({ policy: 'disconnect', maxLagRecords: 7 }, caps)).toMatchObject({
      maxLagRecords: 5,
      maxLagBytes: 100,
    });
    expect(read({ policy: 'disconnect' }, caps)).toMatchObject({ maxLagRecords: 5 });
  });

  test.each([
    [{ polycy: 'replay' }, /no subscribe option "polycy".*policy/],
    [{ policy: 'drop' }, /policy must be one of replay/],
    [{ policy: 'drop-oldest' }, /needs maxLagRecords or maxLagBytes/],
    [{ policy: 'disconnect' }, /needs maxLagRecords or maxLagBytes/],
    [{ maxLagRecords: 5 }, /replay has no lag limit/],
    [{ policy: 'conflate', maxLagBytes: 5 }, /conflate has no lag limit/],
    [{ policy: 'drop-oldest', maxLagRecords: 0 }, /maxLagRecords must be a whole number from 1/],
    [{ policy: 'drop-oldest', maxLagBytes: 1.5 }, /maxLagBytes must be/],
    [{ creditBytes: 0 }, /creditBytes must be/],
    [{ creditBytes: '9' }, /creditBytes must be/],
    [{ heldBytes: 5 }, /give both/],
    [{ deliver: 'disk' }, /deliver must be one of memory, durable/],
  ])('%j is refused, with what to do instead', (options, text) => {
    expect(() => read(options)).toThrow(refusal(text));
  });

  test('of a policy that the operator does not want is refused, the default too', () => {
    const caps = { ...NO_CAPS, policies: ['conflate', 'disconnect'] as const };
    expect(() => read({ policy: 'replay' }, caps)).toThrow(refusal(/choose conflate or disconnect/));
    expect(() => read(null, caps)).toThrow(refusal(/choose conflate or disconnect/));
    expect(read({ policy: 'conflate' }, caps).policy).toBe('conflate');
  });
});
