/** @jsxImportSource preact */
/** All channels that the hub tells of, with a filter. */
import { useState } from 'preact/hooks';
import { useChanges } from '../changes.ts';
import type { HubLink } from '../hub-link.ts';
import { plural } from '../model/format.ts';
import { matches } from '../model/sorting.ts';
import { FilterBox } from '../parts/filter-box.tsx';
import { ChannelsTable } from './channels-table.tsx';

export function ChannelsView({ link }: { readonly link: HubLink }) {
  useChanges(link.figureChanges);
  const [filter, setFilter] = useState('');
  const { latest } = link.channels;
  const listed = latest?.channels.length ?? 0;
  return (
    <>
      <div class="view-head">
        <h1>Channels</h1>
        <p class="quiet-text">
          {plural(latest?.total ?? 0, 'channel')} in memory
          {latest && latest.total > listed && `, the busiest ${listed} of them here`}
        </p>
        <FilterBox value={filter} onValue={setFilter} label="Filter by name" />
      </div>
      <section class="panel">
        <ChannelsTable
          board={link.channels}
          {...(filter !== '' && { only: (channel: string) => matches(filter, [channel]) })}
        />
      </section>
    </>
  );
}
