import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SEGMENT_BYTES, SlabAllocator, type Slice } from '../../../server/log/slab-allocator.ts';

describe('slab allocator', () => {
  test.each([
    [1, 256],
    [256, 256],
    [257, 1024],
    [1025, 4096],
    [16_384, 16_384],
    [16_385, SEGMENT_BYTES],
    [SEGMENT_BYTES, SEGMENT_BYTES],
    [SEGMENT_BYTES + 1, SEGMENT_BYTES + 1],
    [1024 * 1024, 1024 * 1024],
  ])('for %i bytes gives %i', (minBytes, capacity) => {
    const slabs = new SlabAllocator();
    const slice = slabs.allocate(minBytes);
    expect(slice.capacity).toBe(capacity);
    expect(slice.start + capacity).toBeLessThanOrEqual(slice.bytes.length);
    expect(slabs.usedBytes).toBe(capacity);
    slabs.free(slice);
    expect(slabs.usedBytes).toBe(0);
  });

  test('slices in use never share a byte, whatever is taken and given back', () => {
    const sizes = fc.constantFrom(1, 256, 300, 1024, 4000, 16_384, 60_000, SEGMENT_BYTES, 70_000, 1 << 20);
    const step = fc.oneof({ weight: 3, arbitrary: sizes }, { weight: 2, arbitrary: fc.constant(0) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.infiniteStream(fc.nat()), (steps, choices) => {
        const slabs = new SlabAllocator();
        const used = new Map<Slice, number>();
        let mark = 0;
        for (const minBytes of steps) {
          if (minBytes > 0) {
            const slice = slabs.allocate(minBytes);
            slice.bytes.fill(++mark & 0xff, slice.start, slice.start + slice.capacity);
            used.set(slice, mark & 0xff);
          } else if (used.size > 0) {
            const slice = [...used.keys()][choices.next().value % used.size]!;
            used.delete(slice);
            slabs.free(slice);
          }
          expect(slabs.usedBytes).toBe([...used.keys()].reduce((sum, { capacity }) => sum + capacity, 0));
        }
        for (const [{ bytes, start, capacity }, value] of used) {
          const own = bytes.subarray(start, start + capacity);
          expect(own.equals(Buffer.alloc(capacity, value))).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('what was freed is given again before another slab is made', () => {
    const slabs = new SlabAllocator();
    const slices = Array.from({ length: 64 }, () => slabs.allocate(16_384));
    expect(new Set(slices.map(({ bytes }) => bytes)).size).toBe(1);
    slabs.free(slices[7]!);
    expect(slabs.allocate(16_384) === slices[7]).toBe(true);
    expect(slabs.allocate(16_384).bytes === slices[0]!.bytes).toBe(false);
  });
});
