/**
 * How each message that hubs send lies on the wire: its opcode, and the order and kind of its fields. What clients send:
 * client-layouts.ts. Called by the codecs only.
 */
import { ERROR_CODES } from './errors.ts';
import {
  type Batch,
  type CarriesRun,
  type ErrorFrame,
  type GapFrame,
  type GoingAway,
  type Head,
  MAX_PUBLISH_ENTRIES,
  type Missing,
  type Ok,
  type Page,
  type Pong,
  type PublishAnswer,
  type PublishCredit,
  type Published,
  type ServerFrame,
  type SparseBatch,
  type StateFrame,
  type TokenExpiring,
  type Welcome,
} from './frames.ts';
import { BATCH_OPCODE } from './record-run.ts';
import { GAP_REASONS, type Gap } from './terms.ts';
import {
  cursor,
  dictionary,
  type Fields,
  flag,
  type Kind,
  list,
  nullable,
  oneOf,
  optional,
  text,
  tuple,
  uint,
} from './wire-kinds.ts';

/** An opcode and, in the order of the wire, the kinds of the fields. */
export interface Layout<F> {
  readonly opcode: number;
  readonly kind: Kind<Omit<F, 'op' | 'run'>>;
  /** Its last element is the array of its records. */
  readonly carriesRun: boolean;
}

export function layout<F extends { op: string }>(opcode: number, fields: Fields<Omit<F, 'op'>>): Layout<F> {
  return { opcode, kind: tuple(fields) as unknown as Layout<F>['kind'], carriesRun: false };
}

function runLayout<F extends CarriesRun & { op: string }>(
  opcode: number,
  fields: Fields<Omit<F, 'op' | 'run'>>,
): Layout<F> {
  return { opcode, kind: tuple(fields) as unknown as Layout<F>['kind'], carriesRun: true };
}

const word = text(128);
const features = list(word, 64);
const missing = tuple<Missing>({ index: uint, count: nullable(uint), reason: oneOf(GAP_REASONS) });
const offsets = list(uint, Number.MAX_SAFE_INTEGER);
const gap = tuple<Gap>({ after: cursor, upTo: cursor, count: nullable(uint), reason: oneOf(GAP_REASONS) });

export const SERVER_LAYOUTS: { readonly [F in ServerFrame as F['op']]: Layout<F> } = {
  welcome: layout<Welcome>(0x41, {
    connectionId: word,
    features,
    limits: dictionary,
    publishCreditBytes: uint,
    tokenExpiresAtMs: nullable(uint),
    server: word,
    timeMs: optional(uint),
  }),
  ok: layout<Ok>(0x42, { id: uint, result: nullable(dictionary) }),
  error: layout<ErrorFrame>(0x43, {
    id: nullable(uint),
    // A later hub may know more codes: what to do about one unknown here is what to do about a fault of the hub.
    code: oneOf(ERROR_CODES, 'internal'),
    message: text(4096),
    details: nullable(dictionary),
  }),
  batch: runLayout<Batch>(BATCH_OPCODE, {
    channelNumber: uint,
    epoch: uint,
    prevOffset: uint,
    firstOffset: uint,
    count: uint,
  }),
  gap: layout<GapFrame>(0x45, {
    channelNumber: uint,
    after: cursor,
    upTo: cursor,
    count: nullable(uint),
    reason: oneOf(GAP_REASONS),
  }),
  published: layout<Published>(0x46, {
    answers: list(
      tuple<PublishAnswer>({
        id: uint,
        epoch: uint,
        firstOffsets: list(nullable(uint), MAX_PUBLISH_ENTRIES),
      }),
      Number.MAX_SAFE_INTEGER,
    ),
  }),
  'publish-credit': layout<PublishCredit>(0x47, { bytes: uint }),
  'token-expiring': layout<TokenExpiring>(0x48, { expiresAtMs: uint }),
  'going-away': layout<GoingAway>(0x49, { reconnectAfterMs: uint }),
  pong: layout<Pong>(0x4a, { id: uint }),
  page: runLayout<Page>(0x4b, {
    id: uint,
    next: cursor,
    atEnd: flag,
    gaps: list(gap, Number.MAX_SAFE_INTEGER),
    epoch: uint,
    prevOffset: uint,
    firstOffset: uint,
    count: uint,
  }),
  'sparse-batch': runLayout<SparseBatch>(0x4c, {
    channelNumber: uint,
    epoch: uint,
    prevOffset: uint,
    count: uint,
    offsets,
    missing: list(missing, Number.MAX_SAFE_INTEGER),
  }),
  state: runLayout<StateFrame>(0x4d, {
    channelNumber: uint,
    epoch: uint,
    atEnd: flag,
    count: uint,
    offsets,
  }),
  head: layout<Head>(0x4e, { channelNumber: uint, head: cursor, live: flag }),
};
