/**
 * Holds the logs of the end against what was published: nothing acknowledged from the disk is missing, nothing is there
 * twice, in another order or in part. Pure; called by the crash test.
 */
import { formatCursor } from '../../../shared/terms.ts';
import type { ChannelAccount, Finding, FindingKind, LoggedRecord, Published } from './accounts.ts';

/** Refusals after which the publish may have been taken all the same. */
const IN_DOUBT = new Set(['connection-lost', 'producer-unknown']);

interface Place {
  readonly channel: string;
  readonly record: LoggedRecord;
}

export function auditLogs(published: readonly Published[], logs: readonly ChannelAccount[]): Finding[] {
  const findings: Finding[] = [];
  const find = (kind: FindingKind, text: string) => void findings.push({ kind, text });
  const places = new Map<string, Place>();
  for (const log of logs) {
    auditPositions(log, find);
    for (const record of log.records) {
      const earlier = places.get(record.id);
      const here = `${log.channel} ${formatCursor(record)}`;
      if (earlier) find('duplicates', `${record.id} is in ${here}, and at ${formatCursor(earlier.record)}`);
      places.set(record.id, { channel: log.channel, record });
      if (!record.intact) find('mistaken', `${record.id} in ${here} is not what was published`);
    }
  }
  const known = new Set(published.map(({ id }) => id));
  for (const [id, { channel }] of places) {
    if (!known.has(id)) find('mistaken', `${id} is in ${channel}, and nobody published it`);
  }
  auditPublishes(published, places, find);
  auditPlaces(published, logs, find);
  auditGroups(published, places, find);
  auditOrder(published, places, find);
  return findings;
}

type Find = (kind: FindingKind, text: string) => void;

/** Offsets go up by one over epochs, and epochs never go back. */
function auditPositions({ channel, records }: ChannelAccount, find: Find): void {
  for (const [i, record] of records.entries()) {
    const before = records[i - 1];
    if (record.offset === (before?.offset ?? 0) + 1 && record.epoch >= (before?.epoch ?? 0)) continue;
    const what = before ? formatCursor(before) : 'nothing';
    find('mistaken', `${channel}: ${formatCursor(record)} comes after ${what}`);
  }
}

function auditPublishes(
  published: readonly Published[],
  places: ReadonlyMap<string, Place>,
  find: Find,
): void {
  for (const { id, channel, ack, outcome } of published) {
    const place = places.get(id);
    if (place && place.channel !== channel)
      find('mistaken', `${id} was for ${channel}, not ${place.channel}`);
    if (outcome === 'acked') {
      if (!place && ack === 'disk') find('lost', `${id} was acknowledged from the disk of ${channel}`);
    } else if (outcome === 'pending') {
      find('refused', `${id} was never answered`);
    } else {
      find('refused', `${id} was refused with ${outcome}`);
      if (place && !IN_DOUBT.has(outcome)) {
        find('duplicates', `${id} was refused with ${outcome}, and is in ${channel}`);
      }
    }
  }
}

/** What was kept of an epoch is its beginning: a record that has a position there has it for ever. */
function auditPlaces(published: readonly Published[], logs: readonly ChannelAccount[], find: Find): void {
  const byChannel = new Map(logs.map(({ channel, records }) => [channel, indexOf(records)]));
  for (const { id, channel, cursor, outcome } of published) {
    const log = byChannel.get(channel);
    if (outcome !== 'acked' || !cursor || !log) continue;
    const { byPosition, lastOffsets } = log;
    if (cursor.offset > (lastOffsets.get(cursor.epoch) ?? 0)) continue;
    const there = byPosition.get(formatCursor(cursor));
    if (there === id) continue;
    find('mistaken', `${channel} ${formatCursor(cursor)} was said to be ${id}, and is ${there ?? 'nothing'}`);
  }
}

function indexOf(records: readonly LoggedRecord[]) {
  const byPosition = new Map<string, string>();
  const lastOffsets = new Map<number, number>();
  for (const record of records) {
    byPosition.set(formatCursor(record), record.id);
    lastOffsets.set(record.epoch, record.offset);
  }
  return { byPosition, lastOffsets };
}

function auditGroups(published: readonly Published[], places: ReadonlyMap<string, Place>, find: Find): void {
  const groups = new Map<string, { readonly kept: string[]; readonly missing: string[] }>();
  for (const { group, id } of published) {
    if (group === null) continue;
    const { kept, missing } = groups.get(group) ?? { kept: [], missing: [] };
    (places.has(id) ? kept : missing).push(id);
    groups.set(group, { kept, missing });
  }
  for (const [group, { kept, missing }] of groups) {
    if (kept.length > 0 && missing.length > 0) {
      find('split', `${group}: ${kept.join(', ')} kept without ${missing.join(', ')}`);
    }
  }
}

/** Of each publisher and channel the counters go up. */
function auditOrder(published: readonly Published[], places: ReadonlyMap<string, Place>, find: Find): void {
  const newest = new Map<string, { readonly id: string; readonly offset: number }>();
  for (const { publisher, channel, id } of published) {
    const place = places.get(id);
    if (!place) continue;
    const { offset } = place.record;
    const before = newest.get(`${publisher} ${channel}`);
    if (before && before.offset > offset) find('misordered', `${channel}: ${before.id} lies behind ${id}`);
    newest.set(`${publisher} ${channel}`, { id, offset });
  }
}
