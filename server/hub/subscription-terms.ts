/**
 * What a subscriber chooses, read from the options of its request and capped by the operator's rule for the channel.
 * Pure; the verb subscribe calls it.
 */
import { RingcastError } from '../../shared/errors.ts';
import type { Subscribe } from '../../shared/frames.ts';
import { DELIVERIES, type Delivery, DROP_POLICIES, type DropPolicy } from '../../shared/terms.ts';

/** What subscribers of a channel may choose; null is no bound. */
export interface ReaderCaps {
  readonly policies: readonly DropPolicy[];
  readonly maxLagRecords: number | null;
  readonly maxLagBytes: number | null;
}

export interface SubscriptionTerms {
  readonly policy: DropPolicy;
  /** A lag beyond one of them makes the policy act. */
  readonly maxLagRecords: number;
  readonly maxLagBytes: number;
  readonly delivery: Delivery;
  /** What may be sent and not yet given back, bytes; Infinity where the subscriber wants no credit. */
  readonly windowBytes: number;
  /** Of it, what the client still holds from before. */
  readonly heldBytes: number;
}

const NO_LIMIT = Number.POSITIVE_INFINITY;
const OPTIONS = ['policy', 'maxLagRecords', 'maxLagBytes', 'creditBytes', 'heldBytes', 'deliver'] as const;

/** Throws `bad-request`. */
export function readTerms({ options, channel }: Subscribe, caps: ReaderCaps): SubscriptionTerms {
  const given = options ?? {};
  for (const [name, value] of Object.entries(given)) {
    if (value !== null && !OPTIONS.includes(name as (typeof OPTIONS)[number])) {
      refuse(
        `this hub knows no subscribe option ${JSON.stringify(name.slice(0, 80))}: it knows ${OPTIONS.join(', ')}`,
      );
    }
  }
  const policy = word(given, 'policy', DROP_POLICIES) ?? defaultPolicy(channel, caps);
  if (!caps.policies.includes(policy)) {
    refuse(`${channel} is not for readers of policy ${policy}: choose ${caps.policies.join(' or ')}`);
  }
  const windowBytes = count(given, 'creditBytes', 1) ?? NO_LIMIT;
  const heldBytes = count(given, 'heldBytes', 0) ?? 0;
  if (heldBytes > 0 && windowBytes === NO_LIMIT) refuse('heldBytes is part of creditBytes: give both');
  const delivery = word(given, 'deliver', DELIVERIES) ?? 'memory';
  return shared({ policy, ...readLimits(given, policy, caps), delivery, windowBytes, heldBytes });
}

let newest: SubscriptionTerms | undefined;

/** The same object as the time before, where they are the same: clients of a kind choose alike, and each keeps its terms. */
function shared(terms: SubscriptionTerms): SubscriptionTerms {
  const isSame =
    newest &&
    newest.policy === terms.policy &&
    newest.maxLagRecords === terms.maxLagRecords &&
    newest.maxLagBytes === terms.maxLagBytes &&
    newest.delivery === terms.delivery &&
    newest.windowBytes === terms.windowBytes &&
    newest.heldBytes === terms.heldBytes;
  if (!isSame) newest = terms;
  return newest!;
}

/** `replay`, but where the operator does not want it something must be chosen. */
function defaultPolicy(channel: string, { policies }: ReaderCaps): DropPolicy {
  if (policies.includes('replay')) return 'replay';
  return refuse(
    `${channel} is not for readers of policy replay, the default: choose ${policies.join(' or ')}`,
  );
}

function readLimits(
  given: Readonly<Record<string, unknown>>,
  policy: DropPolicy,
  caps: ReaderCaps,
): Pick<SubscriptionTerms, 'maxLagRecords' | 'maxLagBytes'> {
  const records = count(given, 'maxLagRecords', 1);
  const bytes = count(given, 'maxLagBytes', 1);
  if (policy === 'replay' || policy === 'conflate') {
    if (records !== undefined || bytes !== undefined) {
      refuse(
        `policy ${policy} has no lag limit: leave maxLagRecords and maxLagBytes out, or choose drop-oldest or disconnect`,
      );
    }
    return { maxLagRecords: NO_LIMIT, maxLagBytes: NO_LIMIT };
  }
  const maxLagRecords = Math.min(records ?? NO_LIMIT, caps.maxLagRecords ?? NO_LIMIT);
  const maxLagBytes = Math.min(bytes ?? NO_LIMIT, caps.maxLagBytes ?? NO_LIMIT);
  if (maxLagRecords === NO_LIMIT && maxLagBytes === NO_LIMIT) {
    refuse(`policy ${policy} needs maxLagRecords or maxLagBytes: how far the reader may lag`);
  }
  return { maxLagRecords, maxLagBytes };
}

function word<const T extends string>(
  given: Readonly<Record<string, unknown>>,
  name: string,
  words: readonly T[],
): T | undefined {
  const value = given[name];
  if (value === undefined || value === null) return undefined;
  return words.includes(value as T) ? (value as T) : refuse(`${name} must be one of ${words.join(', ')}`);
}

function count(given: Readonly<Record<string, unknown>>, name: string, least: number): number | undefined {
  const value = given[name];
  if (value === undefined || value === null) return undefined;
  const isCount = Number.isSafeInteger(value) && (value as number) >= least;
  return isCount ? (value as number) : refuse(`${name} must be a whole number from ${least} on`);
}

function refuse(message: string): never {
  throw new RingcastError('bad-request', message);
}
