/** @jsxImportSource preact */
/** The channels that the hub tells of, the busiest first. */
import type { ChannelFigures } from '../../../shared/figures.ts';
import { type ChannelBoard, RATE_POINTS, unpersistedRecords } from '../model/channel-board.ts';
import { bytesText, countText, rateText } from '../model/format.ts';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/notice.tsx';
import { Sparkline } from '../parts/sparkline.tsx';
import { channelPath } from '../route.ts';

export interface ChannelsTableProps {
  readonly board: ChannelBoard;
  /** Most rows. */
  readonly most?: number;
  /** The overview's: fewer columns, and none of the channels on which the hub itself publishes. */
  readonly isBrief?: boolean;
  /** Whether a filter holds rows back. */
  readonly only?: (channel: string) => boolean;
}

export function ChannelsTable({ board, most, isBrief = false, only }: ChannelsTableProps) {
  const all = (board.latest?.channels ?? []).filter(
    ({ channel }) => (only?.(channel) ?? true) && !(isBrief && channel.startsWith('$sys.')),
  );
  if (all.length === 0) {
    return only ? (
      <Empty title="No channel has such a name">
        The hub tells of the busiest; any other opens by the box above.
      </Empty>
    ) : (
      <Empty title="Nothing is published yet">
        Run <code class="command">npx ringcast feed</code> for this machine’s real figures, or{' '}
        <a href="#/publish">publish a record by hand</a>.
      </Empty>
    );
  }
  return (
    <DataTable
      caption="Channels"
      columns={columnsOf(board, isBrief)}
      rows={most === undefined ? all : all.slice(0, most)}
      rowKey={({ channel }) => channel}
      initial={{ column: 'rate', descending: true }}
      isCompact={isBrief}
    />
  );
}

function columnsOf(board: ChannelBoard, isBrief: boolean): readonly Column<ChannelFigures>[] {
  const brief: readonly Column<ChannelFigures>[] = [
    {
      id: 'channel',
      title: 'Channel',
      wide: true,
      value: ({ channel }) => channel,
      cell: ({ channel }) => (
        <a class="mono cut" href={channelPath(channel)}>
          {channel}
        </a>
      ),
    },
    {
      id: 'rate',
      title: 'Records/s',
      numeric: true,
      value: (one) => one.publishedPerSecond,
      cell: (one) => (
        <span class="with-sparkline">
          <Sparkline values={board.rates(one.channel)} capacity={RATE_POINTS} />
          <span>{rateText(one.publishedPerSecond)}</span>
        </span>
      ),
    },
    {
      id: 'bytes',
      title: 'Bytes/s',
      numeric: true,
      value: (one) => one.publishedBytesPerSecond,
      cell: (one) => bytesText(one.publishedBytesPerSecond),
    },
    {
      id: 'subscriptions',
      title: 'Readers',
      numeric: true,
      value: (one) => one.subscriptions,
      cell: (one) => countText(one.subscriptions),
    },
  ];
  return isBrief ? brief : [...brief, ...restOfColumns];
}

const restOfColumns: readonly Column<ChannelFigures>[] = [
  {
    id: 'head',
    title: 'Head',
    numeric: true,
    value: ({ head }) => Number(head.split('-')[1]),
    cell: ({ head }) => <span class="mono">{head}</span>,
  },
  {
    id: 'unpersisted',
    title: 'Not on disk',
    numeric: true,
    value: unpersistedRecords,
    cell: (one) => countText(unpersistedRecords(one)),
  },
  {
    id: 'stored',
    title: 'Stored',
    numeric: true,
    value: ({ storedBytes }) => storedBytes,
    cell: ({ storedBytes }) => bytesText(storedBytes),
  },
];
