import { describe, expect, it } from 'vitest';
import type { Machine } from '../../bench/machine.ts';
import { plotOf } from '../../bench/report/plot.ts';
import { resultOf } from '../../bench/results.ts';

const MACHINE: Machine = {
  cpu: 'Some "CPU" <R> & Co',
  cores: 2,
  node: 'v20.20.2',
  os: 'Linux 6.1',
  date: '2026-01-02T03:04:05.000Z',
  versions: { 'nats-server': null, 'redis-server': '7.0.15' },
};
const COMPARES = { figure: 'deliveriesPerCpuSecond', better: 'more' } as const;
const servers = {
  ringcast: { deliveriesPerCpuSecond: 12.3e6 },
  uws: { deliveriesPerCpuSecond: 0.2e6 },
  nats: { absent: 'install nats-server' },
  redis: { failed: 'it ended' },
};

describe('the picture', () => {
  const svg = plotOf({ a: resultOf({ what: '1 × 100', compares: COMPARES }, servers) }, MACHINE);
  const texts = [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text);

  it('is well-formed, whatever names are in it', () => {
    for (const [tag] of svg.replace(/<!\[CDATA\[[\s\S]*?\]\]>/g, '').matchAll(/<[^>]*>/g)) {
      const bare = tag.replace(/\s[\w:-]+="[^"<]*"/g, '');
      expect(bare, tag).toMatch(/^<\/?\w+\s*\/?>$/);
    }
    expect(svg).toContain('Some &quot;CPU&quot; &lt;R&gt; &amp; Co');
  });

  it('names each server, with its value or why there is none', () => {
    expect(texts).toEqual(expect.arrayContaining(['ringcast', '12.3', 'uws', '0.2']));
    expect(texts).toEqual(expect.arrayContaining(['nats', 'absent: install nats-server', 'redis', 'failed']));
  });

  it('says what is compared, that a scale is logarithmic, on what machine and when', () => {
    expect(texts).toContain('a: 1 × 100');
    expect(texts).toContain('M deliveries / CPU s; more is better, logarithmic');
    expect(texts.some((text) => text!.includes('2 cores, Linux 6.1, Node v20.20.2, 2026-01-02'))).toBe(true);
  });

  it('is drawn of scenarios in which nothing was measured', () => {
    const none = resultOf({ what: 'nothing', compares: COMPARES }, { ringcast: { failed: 'no' } });
    expect(plotOf({ a: none }, MACHINE)).not.toMatch(/NaN|Infinity/);
  });
});
