import { describe, expect, test } from 'vitest';
import { comeBack, quiet, setUp } from '../../support/fake-client.ts';

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

async function filled(count = 35) {
  const setup = await setUp();
  setup.hub.append('a', ...upTo(count));
  return setup;
}

describe('history', () => {
  test('gathers pages up to the limit, and tells where to go on', async () => {
    const { hub, client } = await filled();
    const first = await client.history('a', { limit: 25 });
    expect(first.records.map((record) => record.data)).toEqual(upTo(25));
    expect(first).toMatchObject({ next: '7-25', atEnd: false, gaps: [] });
    const second = await client.history('a', { from: first.next, limit: 25 });
    expect(second.records.map((record) => record.data)).toEqual(upTo(35).slice(25));
    expect(second).toMatchObject({ next: '7-35', atEnd: true });
    expect(hub.received('pull').map(({ limit }) => limit)).toEqual([25, 15, 5, 25]);
  });

  test('asks for what is on the disk only where it shall', async () => {
    const { hub, client } = await filled(3);
    await client.history('a', { durable: true });
    await client.history('a');
    expect(hub.received('pull').map(({ durable }) => durable)).toEqual([true, undefined]);
  });

  test('takes up to a hundred records unless told', async () => {
    const { client } = await filled(150);
    expect((await client.history('a')).records).toHaveLength(100);
  });

  test('backwards gives the newest first, on and on to the oldest', async () => {
    const { client } = await filled();
    const first = await client.history('a', { reverse: true, limit: 15 });
    expect(first.records.map((record) => record.data)).toEqual(upTo(35).reverse().slice(0, 15));
    expect(first).toMatchObject({ next: '7-20', atEnd: false });
    const rest = await client.history('a', { reverse: true, from: first.next });
    expect(rest.records.map((record) => record.data)).toEqual(upTo(20).reverse());
    expect(rest.atEnd).toBe(true);
  });

  test('tells the gaps it met, in the order of reading', async () => {
    const { hub, client } = await filled(5);
    hub.log('a').trim(2);
    hub.log('a').crash(1);
    hub.append('a', 'new');
    const forward = await client.history('a', { from: '7-1' });
    expect(forward.gaps.map(({ reason }) => reason)).toEqual(['retention', 'lost']);
    expect(forward.records.map((record) => record.data)).toEqual([3, 4, 'new']);
    const backward = await client.history('a', { reverse: true });
    expect(backward.gaps.map(({ reason }) => reason)).toEqual(['lost']);
    expect(backward.records.map((record) => record.data)).toEqual(['new', 4, 3]);
  });

  test('of an empty channel is empty and at the end', async () => {
    const { client } = await setUp();
    expect(await client.history('a')).toEqual({ records: [], gaps: [], next: '7-0', atEnd: true });
  });

  test('survives a cut: it is asked again after the reconnect', async () => {
    const { hub, clock, client } = await filled();
    hub.intercept = (frame, connection) => {
      if (frame.op !== 'pull' || hub.received('pull').length !== 2) return false;
      connection.cut();
      return true;
    };
    const reading = client.history('a');
    await quiet();
    await comeBack({ clock, client });
    expect((await reading).records.map((record) => record.data)).toEqual(upTo(35));
  });

  test('rejects with the hub’s refusal, and with TypeError for a limit that is none', async () => {
    const { client } = await filled();
    await expect(client.history('a', { from: '9-1' })).rejects.toMatchObject({ code: 'unknown-cursor' });
    await expect(client.history('a', { limit: 0 })).rejects.toThrow(TypeError);
    await expect(client.history('no name')).rejects.toMatchObject({ code: 'channel-invalid' });
  });

  test('page by page reads everything, asking for a page when the one before was taken', async () => {
    const { hub, client } = await filled();
    const seen: unknown[] = [];
    for await (const page of client.pages('a')) {
      seen.push(...page.records.map((record) => record.data));
      expect(hub.received('pull').length).toBe(Math.ceil(seen.length / 10));
    }
    expect(seen).toEqual(upTo(35));
  });

  test('no more than eight pulls wait for an answer; the others follow', async () => {
    const { hub, client } = await filled();
    const held: (() => void)[] = [];
    hub.intercept = (frame, connection) => {
      if (frame.op === 'pull') held.push(() => connection.answerPull(frame));
      return frame.op === 'pull';
    };
    const reading = Promise.all(Array.from({ length: 12 }, () => client.history('a', { from: { last: 1 } })));
    await quiet();
    expect(held).toHaveLength(8);
    for (const answer of held.splice(0)) answer();
    await quiet();
    for (const answer of held.splice(0)) answer();
    expect((await reading).map(({ records }) => records[0]?.data)).toEqual(Array(12).fill(35));
  });
});
