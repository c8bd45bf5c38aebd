import { describe, expect, it } from 'vitest';
import { LinePublisher } from '../../../server/cli/publish-lines.ts';
import { RingcastError } from '../../../shared/errors.ts';

/** A hub whose answers the test gives. */
function heldHub() {
  const waiting: {
    line: string;
    answer: (result?: { cursor: string }) => void;
    refuse: (error: Error) => void;
  }[] = [];
  const sent: string[] = [];
  const publish = (line: string) =>
    new Promise<{ cursor: string } | undefined>((answer, refuse) => {
      sent.push(line);
      waiting.push({ line, answer, refuse });
    });
  return { publish, sent, waiting };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('LinePublisher', () => {
  it('keeps thousands in flight, and no more than its bound', async () => {
    const hub = heldHub();
    const publisher = new LinePublisher(hub.publish);
    let room: Promise<void> | undefined;
    for (let i = 0; !room && i < 100_000; i++) room = publisher.add(`line ${i}`);
    expect(hub.sent).toHaveLength(8192);
    let hasRoom = false;
    void room?.then(() => {
      hasRoom = true;
    });
    await turn();
    expect(hasRoom).toBe(false);
    hub.waiting[0]?.answer({ cursor: '1-1' });
    await room;
    expect(publisher.acknowledged).toBe(1);
  });

  it('bounds what is in flight by size too', () => {
    const publisher = new LinePublisher(heldHub().publish);
    const line = 'x'.repeat(700 * 1024);
    expect(publisher.add(line)).toBeUndefined();
    expect(publisher.add(line)).toBeUndefined();
    expect(publisher.add(line)).toBeInstanceOf(Promise);
  });

  it('finishes once all are settled, and knows the last cursor', async () => {
    const hub = heldHub();
    const publisher = new LinePublisher(hub.publish);
    for (const line of ['a', 'b']) void publisher.add(line);
    let finished = false;
    const finish = publisher.finish().then(() => {
      finished = true;
    });
    hub.waiting[0]?.answer({ cursor: '7-1' });
    await turn();
    expect(finished).toBe(false);
    hub.waiting[1]?.answer({ cursor: '7-2' });
    await finish;
    expect(publisher).toMatchObject({ acknowledged: 2, lastCursor: '7-2', unsettled: 0, failure: undefined });
  });

  it('ends at the first line that fails for good, and says how many are open', async () => {
    const hub = heldHub();
    const publisher = new LinePublisher(hub.publish);
    for (const line of ['a', 'b', 'c']) void publisher.add(line);
    const error = new RingcastError('forbidden', 'no');
    hub.waiting[0]?.answer({ cursor: '1-1' });
    hub.waiting[1]?.refuse(error);
    await publisher.finish();
    expect(publisher.failure).toEqual({ lineNumber: 2, error });
    expect(publisher).toMatchObject({ acknowledged: 1, unsettled: 1 });
    expect(publisher.add('d')).toBeUndefined();
    expect(hub.sent).toEqual(['a', 'b', 'c']);
  });

  it('an interrupt waits for the lines in flight, but not for long', async () => {
    const hub = heldHub();
    const controller = new AbortController();
    const publisher = new LinePublisher(hub.publish, controller.signal, 1);
    void publisher.add('a');
    const finish = publisher.finish();
    controller.abort();
    await finish;
    expect(publisher).toMatchObject({ acknowledged: 0, unsettled: 1 });
  });
});
