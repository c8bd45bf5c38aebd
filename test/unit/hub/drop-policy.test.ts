import { expect, test } from 'vitest';
import { dropThrough, judgeLag } from '../../../server/hub/drop-policy.ts';
import { DROP_POLICIES } from '../../../shared/terms.ts';
import { REPLAY } from '../../support/hub-core.ts';

const limited = { ...REPLAY, maxLagRecords: 10, maxLagBytes: 1000 };

test.each(DROP_POLICIES)('%s does nothing while the lag is within both limits', (policy) => {
  expect(judgeLag({ ...limited, policy }, { records: 10, bytes: 1000 })).toBe('within');
});

test.each([
  { records: 11, bytes: 0 },
  { records: 2, bytes: 1001 },
])('a lag of $records records and $bytes bytes makes each policy do what it says', (lag) => {
  const verdicts = DROP_POLICIES.map((policy) => [policy, judgeLag({ ...limited, policy }, lag)]);
  expect(Object.fromEntries(verdicts)).toEqual({
    replay: 'within',
    'drop-oldest': 'drop',
    conflate: 'within',
    disconnect: 'disconnect',
  });
});

test('as many of the newest records stay as the limits allow', () => {
  expect(dropThrough({ ...limited, maxLagRecords: 10 }, 100, 0)).toBe(90);
  expect(dropThrough({ ...limited, maxLagRecords: 10 }, 100, 96)).toBe(95);
  expect(dropThrough({ ...limited, maxLagRecords: Number.POSITIVE_INFINITY }, 100, 51)).toBe(50);
});

test('the newest record stays, however large it is', () => {
  expect(judgeLag({ ...limited, policy: 'drop-oldest' }, { records: 1, bytes: 1001 })).toBe('within');
  expect(judgeLag({ ...limited, policy: 'disconnect' }, { records: 1, bytes: 1001 })).toBe('disconnect');
  expect(dropThrough(limited, 100, 101)).toBe(99);
});
