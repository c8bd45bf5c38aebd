/** What both entries export beside `connect`. */
export type { Clock } from '../shared/clock.ts';
export {
  type Advice,
  adviceFor,
  CLOSE_CODES,
  ERROR_CODES,
  type ErrorCode,
  type FailedPublish,
  RingcastError,
  type SdkErrorCode,
  type WireErrorCode,
} from '../shared/errors.ts';
export type { Welcome } from '../shared/frames.ts';
export type { AckLevel, Cursor, Gap, GapReason, RecordMeta } from '../shared/terms.ts';
export type { BackoffPolicy } from './backoff.ts';
export type { Client, ClientEvents } from './client.ts';
export type { HistoryPage } from './history.ts';
export type { Lag } from './lag.ts';
export type {
  ConnectOptions,
  FromOption,
  HistoryOptions,
  PublishItem,
  PublishOptions,
  ResumeOption,
  Status,
  SubscribeOptions,
  TokenSource,
} from './options.ts';
export type { GapItem, Listener } from './outlet.ts';
export type { PublishResult } from './publish-queue.ts';
export type { ReceivedRecord } from './record.ts';
export type { CursorStore } from './stores/cursor-store.ts';
export type { OutboxStore } from './stores/outbox-store.ts';
export type { Subscription, SubscriptionEvents, SubscriptionState } from './subscription.ts';
export type { OpenTransport, Transport, TransportHandlers } from './transport.ts';
export type { WakeSignal, WakeSource } from './wake-signals.ts';
