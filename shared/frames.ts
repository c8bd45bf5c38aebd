/**
 * Every message of protocol v1 as a type. PROTOCOL.md says the same in prose; frame-layouts.ts has their opcodes and the
 * order and kind of their fields, codec.ts turns them into bytes and back.
 */
import type { ErrorCode } from './errors.ts';
import type { Cursor, From, Gap, GapReason, RecordInput } from './terms.ts';

/** WebSocket subprotocols, by the form of their frames. */
export const SUBPROTOCOLS = { msgpack: 'ringcast.v1.msgpack', json: 'ringcast.v1.json' } as const;

/** Optional parts of the protocol that this code knows: `head`, the frame of that name. */
export const FEATURES = ['head'] as const;

/** Most entries of one publish frame, and most records of one entry. */
export const MAX_PUBLISH_ENTRIES = 1024;
export const MAX_PUBLISH_RECORDS = 65_536;

// Client to hub ------------------------------------------------------------------------------------------------------

/** The first frame of a connection. */
export interface Hello {
  readonly op: 'hello';
  readonly token: string | null;
  /** A name for logs and dashboards. */
  readonly client: string | null;
  readonly features: readonly string[];
  readonly producerId: string | null;
}

export interface Subscribe {
  readonly op: 'subscribe';
  /** Chosen by the client, from 1; echoed in the answer. */
  readonly id: number;
  readonly channel: string;
  readonly from: From;
  /** `policy`, `maxLagRecords`, `maxLagBytes`, `creditBytes`, `heldBytes`, `deliver`: checked by the hub. */
  readonly options: Readonly<Record<string, unknown>> | null;
}

export interface Unsubscribe {
  readonly op: 'unsubscribe';
  readonly id: number;
  readonly channelNumber: number;
}

export interface PublishEntry {
  readonly channel: string;
  readonly records: readonly RecordInput[];
  /** Of an idempotent producer: counts its entries to this channel, from 1. */
  readonly sequence?: number | undefined;
  /** All entries of the producer to this channel before this one are settled, one way or the other. */
  readonly first?: boolean | undefined;
  /** Taken only if the channel's newest record is the one at this cursor. */
  readonly expectedCursor?: Cursor | undefined;
}

/** Taken whole or not at all. */
export interface Publish {
  readonly op: 'publish';
  /** 0: no acknowledgement wanted. */
  readonly id: number;
  readonly ack: 'memory' | 'disk';
  readonly entries: readonly PublishEntry[];
  /**
   * Absent: never sent before. Else it may have been taken: `welcome.timeMs` of the connection on which it was sent
   * first.
   */
  readonly firstSentMs?: number | undefined;
}

/** One page of history. */
export interface Pull {
  readonly op: 'pull';
  readonly id: number;
  readonly channel: string;
  readonly from: From;
  /** Most records of the page; null: as many as fit. */
  readonly limit: number | null;
  /** Backwards: the records at or before `from`. */
  readonly reverse: boolean | null;
  /** Forwards only: nothing beyond this cursor. */
  readonly upTo: Cursor | null;
  /** Nothing that is not synced yet. */
  readonly durable?: boolean | undefined;
}

/** The application has taken this much of what a subscription was sent. */
export interface Credit {
  readonly op: 'credit';
  readonly channelNumber: number;
  readonly bytes: number;
}

export interface Refresh {
  readonly op: 'refresh';
  readonly id: number;
  readonly token: string;
}

export interface Ping {
  readonly op: 'ping';
  readonly id: number;
}

export type ClientFrame = RequestFrame | Publish;
/** What clients need not write by hand. */
export type RequestFrame = Hello | Subscribe | Unsubscribe | Pull | Credit | Refresh | Ping;

// Hub to client ------------------------------------------------------------------------------------------------------

/** What this hub allows; all in the unit that the name ends with. */
export interface Limits {
  readonly maxFrameBytes: number;
  readonly maxRecordBytes: number;
  readonly maxKeyBytes: number;
  readonly maxMetaBytes: number;
  /** Of one connection. */
  readonly maxSubscriptions: number;
  /** Pulls of one connection that wait for their answers. */
  readonly maxPulls: number;
  /** Records of one batch or page, in bytes; a larger record comes alone. */
  readonly pageBytes: number;
}

export interface Welcome {
  readonly op: 'welcome';
  readonly connectionId: string;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, unknown>>;
  /** Bytes of publish frames that may be sent before `publish-credit` gives some back. */
  readonly publishCreditBytes: number;
  /** Unix time in ms; null where no token is needed. */
  readonly tokenExpiresAtMs: number | null;
  /** Name and version of the hub. */
  readonly server: string;
  /** The hub's Unix time, ms: for {@link Publish.firstSentMs}. */
  readonly timeMs?: number | undefined;
}

export interface Ok {
  readonly op: 'ok';
  readonly id: number;
  /** Of a subscribe: `{channelNumber, cursor, head}`; of a refresh: `{tokenExpiresAtMs}`. */
  readonly result: Readonly<Record<string, unknown>> | null;
}

export interface ErrorFrame {
  readonly op: 'error';
  /** The request it answers; null where it answers none. */
  readonly id: number | null;
  readonly code: ErrorCode;
  readonly message: string;
  /** `retryAfterMs`, `channel`, `channelNumber`, `count`, where they apply. */
  readonly details: Readonly<Record<string, unknown>> | null;
}

/** Records as they lie in the log. */
export interface CarriesRun {
  readonly count: number;
  readonly run: Uint8Array;
}

/** Fields of a frame that carries a run of records of one epoch with consecutive offsets. */
export interface RunFields extends CarriesRun {
  readonly epoch: number;
  /** The offset just before the first record in the log. */
  readonly prevOffset: number;
  readonly firstOffset: number;
}

export interface Batch extends RunFields {
  readonly op: 'batch';
  readonly channelNumber: number;
}

/** Records that are missing just before the record at `index` of a sparse batch. */
export interface Missing {
  readonly index: number;
  readonly count: number | null;
  readonly reason: GapReason;
}

/** Records of one epoch with holes among them, each of which it announces. */
export interface SparseBatch extends CarriesRun {
  readonly op: 'sparse-batch';
  readonly channelNumber: number;
  readonly epoch: number;
  /** What the first record, or the hole before it, comes after. */
  readonly prevOffset: number;
  readonly offsets: readonly number[];
  readonly missing: readonly Missing[];
}

/** Newest records of their keys at or before the cursor that a subscription from `state` begins at. Moves no cursor. */
export interface StateFrame extends CarriesRun {
  readonly op: 'state';
  readonly channelNumber: number;
  readonly epoch: number;
  /** The last of the state: the log follows. */
  readonly atEnd: boolean;
  readonly offsets: readonly number[];
}

export interface GapFrame {
  readonly op: 'gap';
  readonly channelNumber: number;
  readonly after: Cursor;
  readonly upTo: Cursor;
  readonly count: number | null;
  readonly reason: GapReason;
}

/** Where a subscription that is not live would be if it were, or that it is again. Moves no cursor. */
export interface Head {
  readonly op: 'head';
  readonly channelNumber: number;
  /** The channel's newest record that it may be sent. */
  readonly head: Cursor;
  readonly live: boolean;
}

/** Offsets of the first record of each entry of the publish with this id; null where it had been taken before. */
export interface PublishAnswer {
  readonly id: number;
  readonly epoch: number;
  readonly firstOffsets: readonly (number | null)[];
}

export interface Published {
  readonly op: 'published';
  readonly answers: readonly PublishAnswer[];
}

export interface PublishCredit {
  readonly op: 'publish-credit';
  readonly bytes: number;
}

export interface TokenExpiring {
  readonly op: 'token-expiring';
  readonly expiresAtMs: number;
}

export interface GoingAway {
  readonly op: 'going-away';
  readonly reconnectAfterMs: number;
}

export interface Pong {
  readonly op: 'pong';
  readonly id: number;
}

/** The answer to a pull. Its gaps lie before its records (behind them when pulled backwards). */
export interface Page extends RunFields {
  readonly op: 'page';
  readonly id: number;
  /** Where the next pull goes on. */
  readonly next: Cursor;
  /** Nothing more lies in this direction, for now. */
  readonly atEnd: boolean;
  readonly gaps: readonly Gap[];
}

export type ServerFrame =
  | Welcome
  | Ok
  | ErrorFrame
  | Batch
  | SparseBatch
  | StateFrame
  | GapFrame
  | Published
  | PublishCredit
  | TokenExpiring
  | GoingAway
  | Pong
  | Page
  | Head;
