import { afterEach, describe, expect, it, vi } from 'vitest';
import { aborted, interruptSignal } from '../../../server/cli/interrupt.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const before = SIGNALS.map((name) => process.listeners(name));

afterEach(() => {
  vi.restoreAllMocks();
  SIGNALS.forEach((name, i) => {
    for (const listener of process.listeners(name)) {
      if (!before[i]?.includes(listener)) process.removeListener(name, listener);
    }
  });
});

function interrupted() {
  let nowMs = 1000;
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  const events: string[] = [];
  vi.spyOn(process, 'exit').mockImplementation(((code: number) => events.push(`exit ${code}`)) as never);
  const signal = interruptSignal({ exitCode: 1, onSecond: () => events.push('said') });
  const send = (name: NodeJS.Signals, atMs: number) => {
    nowMs = atMs;
    process.emit(name, name);
  };
  return { signal, events, send };
}

describe('interruptSignal', () => {
  it.each(SIGNALS)('the first %s asks to end', async (name) => {
    const { signal, events, send } = interrupted();
    expect(signal.aborted).toBe(false);
    send(name, 1000);
    expect(signal.aborted).toBe(true);
    await aborted(signal);
    expect(events).toEqual([]);
  });

  it('a second Ctrl-C ends the process, with a word first', () => {
    const { events, send } = interrupted();
    send('SIGINT', 1000);
    send('SIGINT', 1600);
    expect(events).toEqual(['said', 'exit 1']);
  });

  it('the echo that npm sends of the same Ctrl-C does not count', () => {
    const { events, send } = interrupted();
    send('SIGINT', 1000);
    send('SIGINT', 1010);
    expect(events).toEqual([]);
  });

  it('a supervisor may repeat its SIGTERM', () => {
    const { events, send } = interrupted();
    send('SIGTERM', 1000);
    send('SIGTERM', 9000);
    expect(events).toEqual([]);
  });
});
