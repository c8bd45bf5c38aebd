/**
 * Every error and close code of the protocol, each with what its receiver should do. PROTOCOL.md lists the same
 * codes; a test compares the two.
 */

/**
 * What to do about an error:
 * `fix` the request, it will never succeed as it is · `retry` the same later (after `retryAfterMs` where given) ·
 * `refresh-token` get another token, then try again · `resubscribe` from another position ·
 * `report` it: a fault of the hub, its log says more.
 */
export type Advice = 'fix' | 'retry' | 'refresh-token' | 'resubscribe' | 'report';

const ADVICE = {
  // The frame itself. All but `unknown-opcode` end the connection.
  'bad-frame': 'fix',
  'frame-too-large': 'fix',
  'unknown-opcode': 'fix',
  'hello-required': 'fix',
  'hello-timeout': 'retry',
  'hello-repeated': 'fix',
  'credit-exceeded': 'fix',
  'not-reading': 'retry',
  lagging: 'retry',
  'producer-replaced': 'fix',
  // The token.
  'token-missing': 'refresh-token',
  'token-malformed': 'refresh-token',
  'token-algorithm': 'refresh-token',
  'token-key-unknown': 'refresh-token',
  'token-signature': 'refresh-token',
  'token-expired': 'refresh-token',
  'token-not-yet-valid': 'refresh-token',
  'token-audience': 'refresh-token',
  'token-issuer': 'refresh-token',
  'token-claims': 'refresh-token',
  'keys-unavailable': 'retry',
  forbidden: 'refresh-token',
  // The request.
  'bad-request': 'fix',
  'channel-invalid': 'fix',
  'record-too-large': 'fix',
  'record-invalid': 'fix',
  'not-subscribed': 'fix',
  'already-subscribed': 'fix',
  'too-many-subscriptions': 'fix',
  'too-many-channels': 'retry',
  'too-many-connections': 'retry',
  'too-many-requests': 'retry',
  'unknown-cursor': 'resubscribe',
  'not-durable': 'fix',
  'no-state': 'fix',
  'too-many-keys': 'fix',
  conflict: 'fix',
  'out-of-sequence': 'retry',
  'producer-unknown': 'fix',
  // The hub.
  overloaded: 'retry',
  'store-failed': 'retry',
  'shutting-down': 'retry',
  internal: 'report',
} as const satisfies Record<string, Advice>;

/** SDK only, never on the wire: what a client finds out by itself. */
const SDK_ADVICE = {
  /** The connection broke before the answer: the request may or may not have been carried out. */
  'connection-lost': 'retry',
  /** More publishes wait to be sent than the outbox holds. */
  'outbox-full': 'retry',
  /** The client was closed. */
  closed: 'fix',
  /** Nothing came in time. */
  timeout: 'retry',
  /** The application's cursor store or outbox store has failed; `cause` says how. */
  'storage-failed': 'report',
  /** This platform lacks what the outbox store needs. */
  'storage-unavailable': 'fix',
  /** The client was closed, and the publish is in the outbox store: the next client sends it. Not to be published again. */
  'publish-stored': 'report',
} as const satisfies Record<string, Advice>;

/** A code of the wire. Codes are stable; texts are not. */
export type WireErrorCode = keyof typeof ADVICE;
/** A code that only the SDK makes. */
export type SdkErrorCode = keyof typeof SDK_ADVICE;
export type ErrorCode = WireErrorCode | SdkErrorCode;

/** The codes of the wire. */
export const ERROR_CODES = Object.keys(ADVICE) as WireErrorCode[];

export function adviceFor(code: ErrorCode): Advice {
  return isErrorCode(code) ? ADVICE[code] : SDK_ADVICE[code];
}

/** Whether `text` is a code of the wire. */
export function isErrorCode(text: string): text is WireErrorCode {
  return Object.hasOwn(ADVICE, text);
}

/**
 * WebSocket close codes. The range is the advice:
 * 4000–4099 reconnect after a backoff · 4100–4199 get another token, then reconnect · 4200–4299 do not reconnect.
 */
export const CLOSE_CODES = {
  'going-away': 4000,
  'hello-timeout': 4001,
  'internal-error': 4002,
  'too-many-connections': 4003,
  'not-reading': 4004,
  lagging: 4005,
  'token-expired': 4100,
  'token-refused': 4101,
  'bad-frame': 4200,
  'frame-too-large': 4201,
  'credit-exceeded': 4202,
  'hello-required': 4203,
  'producer-replaced': 4204,
} as const;
export type CloseReason = keyof typeof CLOSE_CODES;

/** What a client does after its connection closed with `code`; unknown and transport codes mean reconnect. */
export function adviceForClose(code: number): 'reconnect' | 'refresh-token' | 'stop' {
  if (code >= 4100 && code < 4200) return 'refresh-token';
  if (code >= 4200 && code < 4300) return 'stop';
  return 'reconnect';
}

/** A record that was published before the program was started anew. */
export interface FailedPublish {
  readonly channel: string;
  readonly data: unknown;
  readonly key: string | null;
  readonly meta: Readonly<Record<string, unknown>> | null;
}

export interface ErrorOptions {
  readonly cause?: unknown;
  readonly retryAfterMs?: number | undefined;
  readonly publish?: FailedPublish | undefined;
}

/** The one error class of the project. Match `code`, never `message`. */
export class RingcastError extends Error {
  override readonly name = 'RingcastError';
  readonly code: ErrorCode;
  /** How long to wait before trying again, ms, where the hub says so. */
  readonly retryAfterMs: number | undefined;
  /** Of a stored publish, whose promise is gone with the page that made it. */
  readonly publish: FailedPublish | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.publish = options.publish;
  }

  get advice(): Advice {
    return adviceFor(this.code);
  }
}
