import { describe, expect, test, vi } from 'vitest';
import { Emitter } from '../../../client/emitter.ts';

describe('emitter', () => {
  test('calls listeners in the order of adding and says whether there was one', () => {
    const emitter = new Emitter<{ tick: [n: number] }>();
    const seen: string[] = [];
    expect(emitter.emit('tick', 1)).toBe(false);
    emitter.on('tick', (n) => seen.push(`a${n}`));
    const stop = emitter.on('tick', (n) => seen.push(`b${n}`));
    expect(emitter.emit('tick', 2)).toBe(true);
    stop();
    emitter.emit('tick', 3);
    expect(seen).toEqual(['a2', 'b2', 'a3']);
  });

  test('a listener that throws harms nobody, and is heard of later', async () => {
    const emitter = new Emitter<{ tick: [] }>();
    const later: (() => void)[] = [];
    const spy = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((run) => later.push(run));
    const seen: string[] = [];
    emitter.on('tick', () => {
      throw new Error('mine');
    });
    emitter.on('tick', () => seen.push('other'));
    emitter.emit('tick');
    spy.mockRestore();
    expect(seen).toEqual(['other']);
    expect(later).toHaveLength(1);
    expect(later[0]).toThrow('mine');
  });
});
