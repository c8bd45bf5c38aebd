import { afterEach, expect, test, vi } from 'vitest';
import type { Client, ClientEvents } from '../../../client/client.ts';
import { Emitter } from '../../../client/emitter.ts';
import { noteReconnects } from '../../../server/cli/hub-client.ts';
import { RingcastError } from '../../../shared/errors.ts';

afterEach(() => vi.restoreAllMocks());

test('a command tells of each cut and each return once, and not of catching up', () => {
  const lines: unknown[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((line) => lines.push(line) > 0);
  const events = new Emitter<ClientEvents>();
  noteReconnects({ on: events.on.bind(events) } as unknown as Client);
  const failure = new RingcastError('connection-lost', 'the cable is out');
  for (const status of [
    'catching-up',
    'live',
    'offline',
    'catching-up',
    'live',
    'offline',
    'live',
  ] as const) {
    events.emit('status', status, status === 'offline' ? failure : null);
  }
  const away = 'ringcast: the cable is out; connecting again…\n';
  const back = 'ringcast: connected again\n';
  expect(lines).toEqual([away, back, away, back]);
});
