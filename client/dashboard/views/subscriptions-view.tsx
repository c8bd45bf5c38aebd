/** @jsxImportSource preact */
/** Who reads what, who is slow, and why. */
import { useState } from 'preact/hooks';
import type { SubscriptionFigures } from '../../../shared/figures.ts';
import { useChanges } from '../changes.ts';
import type { HubLink } from '../hub-link.ts';
import { bytesText, countText, durationText, plural } from '../model/format.ts';
import { STATE_RANK, STATE_WORDS, whySlow } from '../model/slowness.ts';
import { matches } from '../model/sorting.ts';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { FilterBox } from '../parts/filter-box.tsx';
import { Empty } from '../parts/notice.tsx';
import { ReaderBadge } from '../parts/state-badge.tsx';
import { channelPath } from '../route.ts';

export function SubscriptionsView({ link }: { readonly link: HubLink }) {
  useChanges(link.figureChanges);
  const [filter, setFilter] = useState('');
  const figures = link.subscriptions;
  const all = figures?.subscriptions ?? [];
  const shown = all.filter((one) =>
    matches(filter, [
      one.client,
      one.subject,
      one.channel,
      one.connection,
      STATE_WORDS[one.state],
      one.policy,
    ]),
  );
  return (
    <>
      <div class="view-head">
        <h1>Subscriptions</h1>
        <p class="quiet-text">
          {plural(figures?.total ?? 0, 'subscription')}, {countText(figures?.lagging ?? 0)} of them not live
          {figures && figures.total > all.length && `; those furthest behind are here, ${all.length} in all`}
        </p>
        <FilterBox value={filter} onValue={setFilter} label="Filter: client, channel, state…" />
      </div>
      <section class="panel">
        {shown.length > 0 ? (
          <DataTable
            caption="Subscriptions"
            columns={COLUMNS}
            rows={shown}
            rowKey={(one) => `${one.connection} ${one.channel}`}
            initial={{ column: 'state', descending: true }}
          />
        ) : (
          <Nobody isFiltered={filter !== '' && all.length > 0} />
        )}
      </section>
    </>
  );
}

function Nobody({ isFiltered }: { readonly isFiltered: boolean }) {
  if (isFiltered) return <Empty title="No subscription matches">Take a word out of the filter.</Empty>;
  return (
    <Empty title="Nobody reads yet">
      Try <code class="command">npx ringcast sub some.channel</code>, or open a channel here.
    </Empty>
  );
}

const COLUMNS: readonly Column<SubscriptionFigures>[] = [
  {
    id: 'client',
    title: 'Client',
    value: ({ client, connection }) => client ?? connection,
    cell: ({ client, subject, connection }) => (
      <span class="stacked">
        <b>{client ?? 'unnamed'}</b>
        <span class="quiet-text cut" title={`connection ${connection}`}>
          {subject ?? connection}
        </span>
      </span>
    ),
  },
  {
    id: 'channel',
    title: 'Channel',
    value: ({ channel }) => channel,
    cell: ({ channel }) => (
      <a class="mono cut" href={channelPath(channel)}>
        {channel}
      </a>
    ),
  },
  {
    id: 'state',
    title: 'State, and why',
    wide: true,
    value: ({ state, laggingMs }) => STATE_RANK[state] * 1e12 + laggingMs,
    cell: (one) => (
      <span class="stacked">
        <ReaderBadge state={one.state} />
        {one.state !== 'live' && <span class="quiet-text">{whySlow(one)}</span>}
      </span>
    ),
  },
  {
    id: 'lag',
    title: 'Behind',
    numeric: true,
    value: ({ lagRecords }) => lagRecords,
    cell: ({ lagRecords }) => countText(lagRecords),
  },
  {
    id: 'since',
    title: 'For',
    numeric: true,
    value: ({ laggingMs }) => laggingMs,
    cell: ({ laggingMs }) => (laggingMs === 0 ? '–' : durationText(laggingMs)),
  },
  {
    id: 'buffered',
    title: 'Buffered',
    numeric: true,
    value: ({ bufferedBytes }) => bufferedBytes,
    cell: ({ bufferedBytes }) => bytesText(bufferedBytes),
  },
  {
    id: 'policy',
    title: 'Policy',
    value: ({ policy }) => policy,
    cell: ({ policy }) => <span class="mono">{policy}</span>,
  },
  {
    id: 'gaps',
    title: 'Gaps',
    numeric: true,
    value: ({ gaps }) => gaps,
    cell: ({ gaps, lastGap }) => (gaps === 0 ? '0' : `${countText(gaps)} (${lastGap ?? '?'})`),
  },
  {
    id: 'missed',
    title: 'Missed',
    numeric: true,
    value: ({ missedRecords }) => missedRecords,
    cell: ({ missedRecords }) => countText(missedRecords),
  },
];
