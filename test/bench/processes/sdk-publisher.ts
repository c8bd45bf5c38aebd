/**
 * A program that publishes with the SDK as fast as it is taken: `publish` of a record each, acknowledged from disk, so
 * many at a time; the SDK puts those of one tick into one frame.
 */
import { type Client, connect } from '../../../client/node.ts';
import { answer, usage } from './answering.ts';

let client: Client;
let records = 0;

answer({
  async open({ url, token }: { url: string; token: string }) {
    client = await connect(url, { token });
  },
  /** `depth` records unanswered at most. */
  flood({ channel, data, depth }: { channel: string; data: unknown; depth: number }) {
    let unanswered = 0;
    const onAnswer = () => {
      records++;
      unanswered--;
      if (unanswered <= depth / 2) pump();
    };
    const pump = () => {
      for (; unanswered < depth; unanswered++)
        void client.publish(channel, data, { ack: 'disk' }).then(onAnswer);
    };
    pump();
  },
  count: () => ({ records, ...usage() }),
});
