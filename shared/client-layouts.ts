/** The layouts of all that clients send, for whoever reads it: hubs. Called by the codecs only. */
import { type Layout, layout } from './frame-layouts.ts';
import {
  type ClientFrame,
  type Credit,
  type Hello,
  MAX_PUBLISH_ENTRIES,
  MAX_PUBLISH_RECORDS,
  type Ping,
  type Publish,
  type PublishEntry,
  type Pull,
  type Refresh,
  type Subscribe,
  type Unsubscribe,
} from './frames.ts';
import { recordInput } from './record-input.ts';
import {
  cursor,
  dictionary,
  flag,
  from,
  list,
  nullable,
  oneOf,
  optional,
  text,
  tuple,
  uint,
} from './wire-kinds.ts';

/** Unchecked here: the hub's answer to a bad name is an error of its own, which the sender can tie to its request. */
const channel = text(1024);
const token = text(16_384);
const word = text(128);
const features = list(word, 64);
const records = list(recordInput, MAX_PUBLISH_RECORDS, 1);

export const CLIENT_LAYOUTS: { readonly [F in ClientFrame as F['op']]: Layout<F> } = {
  hello: layout<Hello>(0x01, {
    token: nullable(token),
    client: nullable(word),
    features,
    producerId: nullable(word),
  }),
  subscribe: layout<Subscribe>(0x02, { id: uint, channel, from, options: nullable(dictionary) }),
  unsubscribe: layout<Unsubscribe>(0x03, { id: uint, channelNumber: uint }),
  pull: layout<Pull>(0x05, {
    id: uint,
    channel,
    from,
    limit: nullable(uint),
    reverse: nullable(flag),
    upTo: nullable(cursor),
    durable: optional(flag),
  }),
  credit: layout<Credit>(0x06, { channelNumber: uint, bytes: uint }),
  refresh: layout<Refresh>(0x07, { id: uint, token }),
  ping: layout<Ping>(0x08, { id: uint }),
  publish: layout<Publish>(0x04, {
    id: uint,
    ack: oneOf(['memory', 'disk']),
    entries: list(
      tuple<PublishEntry>({
        channel,
        records,
        sequence: optional(uint),
        first: optional(flag),
        expectedCursor: optional(cursor),
      }),
      MAX_PUBLISH_ENTRIES,
      1,
    ),
    firstSentMs: optional(uint),
  }),
};
