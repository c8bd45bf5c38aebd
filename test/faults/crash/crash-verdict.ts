/** What came out of a run of the crash test, in one object of numbers and with what was found wrong. Pure. */
import {
  type ChannelAccount,
  FINDING_KINDS,
  type Finding,
  type FindingKind,
  type Published,
  type ReaderAccount,
} from './accounts.ts';
import { auditLogs } from './audit-log.ts';
import { auditReader } from './audit-reader.ts';
import type { CrewReport } from './crew.ts';

export interface CrashFacts {
  readonly rounds: number;
  readonly seed: number;
  /** Of the hub. */
  readonly starts: number;
  readonly seconds: number;
}

export type Totals = CrashFacts &
  Readonly<Record<FindingKind, number>> & {
    readonly published: number;
    readonly diskAcked: number;
    readonly memoryAcked: number;
    /** Acknowledged from memory and taken back by a crash, as they may be. */
    readonly memoryTakenBack: number;
    readonly readers: number;
    readonly handed: number;
    readonly gaps: number;
    readonly lostGaps: number;
    readonly droppedGaps: number;
    readonly conflatedGaps: number;
    /** How often a reader was disconnected for its lag. */
    readonly laggingCuts: number;
  };

export interface Verdict {
  readonly totals: Totals;
  readonly findings: readonly Finding[];
}

export function judge(
  reports: readonly CrewReport[],
  logs: readonly ChannelAccount[],
  facts: CrashFacts,
): Verdict {
  const published = reports.flatMap((report) => report.published);
  const readers = reports.flatMap((report) => report.readers);
  const failures = reports.flatMap((report) => report.failures);
  const byChannel = new Map(logs.map((log) => [log.channel, log]));
  const logOf = (channel: string) => byChannel.get(channel) ?? { channel, records: [] };
  const findings = [
    ...auditLogs(published, logs),
    ...readers.flatMap((reader) => auditReader(reader, logOf(reader.channel))),
    ...failures.map((text): Finding => ({ kind: 'strandedReaders', text })),
  ];
  const counts = Object.fromEntries(
    FINDING_KINDS.map((kind) => [kind, findings.filter((finding) => finding.kind === kind).length]),
  ) as Record<FindingKind, number>;
  return {
    totals: {
      ...facts,
      ...countPublishes(published, logs),
      ...countHanded(readers),
      laggingCuts: reports.reduce((sum, report) => sum + report.laggingCuts, 0),
      ...counts,
    },
    findings,
  };
}

function countPublishes(published: readonly Published[], logs: readonly ChannelAccount[]) {
  const kept = new Set(logs.flatMap(({ records }) => records.map(({ id }) => id)));
  const acked = published.filter(({ outcome }) => outcome === 'acked');
  const fromMemory = acked.filter(({ ack }) => ack === 'memory');
  return {
    published: published.length,
    diskAcked: acked.length - fromMemory.length,
    memoryAcked: fromMemory.length,
    memoryTakenBack: fromMemory.filter(({ id }) => !kept.has(id)).length,
  };
}

function countHanded(readers: readonly ReaderAccount[]) {
  let handed = 0;
  const gaps = { lost: 0, retention: 0, conflated: 0, dropped: 0 };
  for (const item of readers.flatMap((reader) => reader.handed)) {
    if ('gap' in item) gaps[item.gap.reason]++;
    else handed++;
  }
  return {
    readers: readers.length,
    handed,
    gaps: Object.values(gaps).reduce((sum, count) => sum + count),
    lostGaps: gaps.lost,
    droppedGaps: gaps.dropped,
    conflatedGaps: gaps.conflated,
  };
}
