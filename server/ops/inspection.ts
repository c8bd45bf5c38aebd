/** What `inspect` shows of a hub, running or not: the shape that `/inspect` answers with. */

export interface InspectedChannel {
  readonly name: string;
  readonly number: number;
  /** Offsets: the newest record, the first one readable, the newest that is synced. */
  readonly head: number;
  readonly oldest: number;
  readonly durable: number;
  /** Memory of its ring. */
  readonly ringBytes: number;
  /** Bytes of records that its log keeps. */
  readonly storedBytes: number;
  readonly subscriptions: number;
}

export interface Inspection {
  readonly epoch: number;
  /** Bytes of records accepted and not yet synced. */
  readonly unpersistedBytes: number;
  readonly ringBytes: number;
  readonly channels: readonly InspectedChannel[];
}
