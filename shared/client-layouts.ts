/** The layouts of all that clients send, for whoever reads it: hubs. Called by the codecs only. */
import { channel, type Layout, layout, REQUEST_LAYOUTS } from './frame-layouts.ts';
import {
  type ClientFrame,
  MAX_PUBLISH_ENTRIES,
  MAX_PUBLISH_RECORDS,
  type Publish,
  type PublishEntry,
} from './frames.ts';
import { recordInput } from './record-input.ts';
import { cursor, flag, list, oneOf, optional, tuple, uint } from './wire-kinds.ts';

const records = list(recordInput, MAX_PUBLISH_RECORDS, 1);

export const CLIENT_LAYOUTS: { readonly [F in ClientFrame as F['op']]: Layout<F> } = {
  ...REQUEST_LAYOUTS,
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
