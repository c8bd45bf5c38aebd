/**
 * Reading what a channel holds without subscribing to it: page by page, or gathered up to a number of records. Stands
 * on pulls alone; a read that is cut goes on after the reconnect. Called by client.ts only.
 */
import type { Page } from '../shared/frames.ts';
import { type From, formatCursor, type Gap } from '../shared/terms.ts';
import { checkChannel, type HistoryOptions, readFrom } from './options.ts';
import type { PullRequest, Pulls } from './pulls.ts';
import { type ReceivedRecord, readRun } from './record.ts';

/** One stretch of a channel. */
export interface HistoryPage {
  /** In the order of the log; read backwards, newest first. */
  readonly records: readonly ReceivedRecord[];
  /** What is missing, in the order in which it was met. */
  readonly gaps: readonly Gap[];
  /** Read on from here, in the same direction. */
  readonly next: string;
  /** Nothing more lies in this direction, for now. */
  readonly atEnd: boolean;
}

/** Up to `limit` records. Rejects with the hub's refusal. */
export async function gatherHistory(
  pulls: Pulls,
  channel: string,
  options: HistoryOptions & { readonly limit?: number | undefined },
): Promise<HistoryPage> {
  const { limit = 100 } = options;
  if (!Number.isSafeInteger(limit) || limit < 1) throw new TypeError('limit must be an integer from 1');
  const records: ReceivedRecord[] = [];
  const gaps: Gap[] = [];
  let last: HistoryPage | undefined;
  for await (const page of readPages(pulls, channel, options, () => limit - records.length)) {
    records.push(...page.records);
    gaps.push(...page.gaps);
    last = page;
    if (records.length >= limit) break;
  }
  return { records, gaps, next: last!.next, atEnd: last!.atEnd };
}

/** All pages up to the end, each asked for when the one before was taken. */
export async function* readPages(
  pulls: Pulls,
  channel: string,
  { from, reverse = false, durable = false }: HistoryOptions,
  limit: () => number | null = () => null,
): AsyncGenerator<HistoryPage, undefined, undefined> {
  checkChannel(channel);
  let position: From = readFrom(from ?? (reverse ? 'latest' : 'earliest'));
  for (;;) {
    const request = { channel, from: position, limit: limit(), reverse, upTo: null };
    const page = await pullPage(pulls, durable ? { ...request, durable } : request);
    const records = readRun(channel, page, 0);
    if (reverse) records.reverse();
    yield { records, gaps: page.gaps, next: formatCursor(page.next), atEnd: page.atEnd };
    if (page.atEnd) return;
    position = { cursor: page.next };
  }
}

function pullPage(pulls: Pulls, request: PullRequest): Promise<Page> {
  return new Promise((resolve, reject) => {
    pulls.pull(request, { page: resolve, refused: reject });
  });
}
