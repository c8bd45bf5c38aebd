/** What every connection is handed; made once by create-hub. */
import type { TokenVerifier } from '../auth/verify-token.ts';
import type { Hub } from '../hub/hub.ts';
import type { Logger } from '../ops/logging.ts';
import type { LoopTurn } from './loop-turn.ts';
import type { TokenServices } from './token-watch.ts';

/** Told to clients in `welcome`; each in the unit its name ends with. */
export interface ConnectionLimits {
  readonly maxFrameBytes: number;
  readonly maxRecordBytes: number;
  readonly maxKeyBytes: number;
  readonly maxMetaBytes: number;
  readonly maxSubscriptionsPerConnection: number;
  readonly maxPullsPerConnection: number;
  readonly publishCreditBytes: number;
  readonly pageBytes: number;
}

export interface ConnectionServices extends TokenServices {
  readonly hub: Hub;
  readonly verifier: TokenVerifier;
  readonly turn: LoopTurn;
  readonly helloTimeoutMs: number;
  readonly limits: ConnectionLimits;
  readonly log: Logger;
  /** Name and version, as `welcome` says them. */
  readonly serverName: string;
}
