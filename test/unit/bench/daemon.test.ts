import { describe, expect, it } from 'vitest';
import { cpuMsOf, rssBytesOf } from '../../bench/processes/proc-usage.ts';

describe('what /proc says of a process', () => {
  it('has the CPU of user and system, though the name holds spaces and parentheses', () => {
    const stat = '4711 (odd) name (x) S 1 4711 4711 0 -1 4194304 1 2 3 4 250 50 7 8 20 0 9 0 12345';
    expect(cpuMsOf(stat)).toBe(3000);
  });

  it('has the resident memory in kB', () => {
    expect(rssBytesOf('Name:\tredis\nVmHWM:\t  9000 kB\nVmRSS:\t    2048 kB\nThreads:\t5\n')).toBe(2_097_152);
  });
});
