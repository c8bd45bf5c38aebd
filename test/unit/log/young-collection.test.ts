import { constants, PerformanceObserver } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { minorCollection, YoungCollection } from '../../../server/log/young-collection.ts';
import { until } from '../../support/until.ts';

const MIB = 1024 * 1024;

describe('young-collection', () => {
  it('collects once for each four mebibytes that were copied', () => {
    let collections = 0;
    const young = new YoungCollection(() => collections++);
    young.copied(4 * MIB - 1);
    expect(collections).toBe(0);
    young.copied(1);
    expect(collections).toBe(1);
    for (let i = 0; i < 32; i++) young.copied(512 * 1024);
    expect(collections).toBe(5);
  });

  it('is a scavenge, not a collection of the whole heap', async () => {
    const kinds: number[] = [];
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        kinds.push((entry as unknown as { detail: { kind: number } }).detail.kind);
      }
    });
    observer.observe({ entryTypes: ['gc'] });
    minorCollection()();
    await until(() => kinds.length > 0, { what: 'a collection' });
    observer.disconnect();
    expect(kinds[0]).toBe(constants.NODE_PERFORMANCE_GC_MINOR);
  });
});
