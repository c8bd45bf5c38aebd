import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideLease, type LeaseState, type TokenLease } from '../../../server/auth/token-lease.ts';

const HOUR_MS = 3_600_000;

/** Lease, then (time, state, next look) along it. */
const TABLE: [string, TokenLease, [number, LeaseState, number | null][]][] = [
  [
    'of an hour warns 60 s before its expiry and ends 10 s after',
    { acceptedAtMs: 0, expiresAtMs: HOUR_MS },
    [
      [0, 'valid', HOUR_MS - 60_000],
      [HOUR_MS - 60_001, 'valid', HOUR_MS - 60_000],
      [HOUR_MS - 60_000, 'expiring', HOUR_MS],
      [HOUR_MS - 1, 'expiring', HOUR_MS],
      [HOUR_MS, 'grace', HOUR_MS + 10_000],
      [HOUR_MS + 9_999, 'grace', HOUR_MS + 10_000],
      [HOUR_MS + 10_000, 'expired', null],
      [2 * HOUR_MS, 'expired', null],
    ],
  ],
  [
    'shorter than twice the warning warns at its half',
    { acceptedAtMs: 1_000, expiresAtMs: 31_000 },
    [
      [1_000, 'valid', 16_000],
      [15_999, 'valid', 16_000],
      [16_000, 'expiring', 31_000],
    ],
  ],
  [
    'of exactly twice the warning warns where both rules agree',
    { acceptedAtMs: 0, expiresAtMs: 120_000 },
    [
      [59_999, 'valid', 60_000],
      [60_000, 'expiring', 120_000],
    ],
  ],
  [
    'without grace ends with its token',
    { acceptedAtMs: 0, expiresAtMs: 30_000, graceMs: 0 },
    [
      [29_999, 'expiring', 30_000],
      [30_000, 'expired', null],
    ],
  ],
  [
    'without warning is valid to its end',
    { acceptedAtMs: 0, expiresAtMs: 30_000, warnBeforeMs: 0 },
    [
      [29_999, 'valid', 30_000],
      [30_000, 'grace', 40_000],
    ],
  ],
  [
    'of a token accepted within the clock tolerance begins in its grace',
    { acceptedAtMs: 34_000, expiresAtMs: 30_000 },
    [
      [34_000, 'grace', 40_000],
      [40_000, 'expired', null],
      // The hub's clock was set back since.
      [31_000, 'grace', 40_000],
    ],
  ],
];

describe('a lease', () => {
  it.each(TABLE)('%s', (_title, lease, steps) => {
    for (const [nowMs, state, nextLookAtMs] of steps) {
      expect(decideLease(lease, nowMs), `at ${nowMs}`).toEqual({ state, nextLookAtMs });
    }
  });

  it('followed from look to look passes its states in order and ends after expiry and grace', () => {
    const order: LeaseState[] = ['valid', 'expiring', 'grace', 'expired'];
    const duration = fc.integer({ min: 0, max: 10_000_000 });
    fc.assert(
      fc.property(
        duration,
        duration,
        duration,
        duration,
        (acceptedAtMs, expiresAtMs, graceMs, warnBeforeMs) => {
          const lease = { acceptedAtMs, expiresAtMs, graceMs, warnBeforeMs };
          let nowMs = acceptedAtMs;
          let decision = decideLease(lease, nowMs);
          while (decision.nextLookAtMs !== null) {
            expect(decision.nextLookAtMs).toBeGreaterThan(nowMs);
            expect(decideLease(lease, decision.nextLookAtMs - 1).state).toBe(decision.state);
            nowMs = decision.nextLookAtMs;
            const next = decideLease(lease, nowMs);
            expect(order.indexOf(next.state)).toBeGreaterThan(order.indexOf(decision.state));
            decision = next;
          }
          expect(decision.state).toBe('expired');
          expect(nowMs).toBe(Math.max(acceptedAtMs, expiresAtMs + graceMs));
        },
      ),
    );
  });
});
