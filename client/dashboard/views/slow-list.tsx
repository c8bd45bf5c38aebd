/** @jsxImportSource preact */
/** The furthest behind, each with why, as a short list for the overview. */
import type { SubscriptionFigures, SubscriptionsFigures } from '../../../shared/figures.ts';
import { durationText, plural } from '../model/format.ts';
import { whySlow } from '../model/slowness.ts';
import { Empty } from '../parts/notice.tsx';
import { ReaderBadge } from '../parts/state-badge.tsx';
import { channelPath } from '../route.ts';

const SHOWN = 6;

export function SlowList({ figures }: { readonly figures: SubscriptionsFigures | null }) {
  const slow = (figures?.subscriptions ?? []).filter(({ state }) => state !== 'live');
  if (slow.length === 0) {
    return (
      <Empty title="Nobody is behind">
        Each subscription is pushed what comes, as it comes. A slow reader shows up here, with why it is slow.
      </Empty>
    );
  }
  return (
    <ul class="slow-list">
      {slow.slice(0, SHOWN).map((one) => (
        <SlowItem key={`${one.connection} ${one.channel}`} one={one} />
      ))}
    </ul>
  );
}

function SlowItem({ one }: { readonly one: SubscriptionFigures }) {
  return (
    <li>
      <div class="slow-head">
        <ReaderBadge state={one.state} />
        <b>{one.client ?? one.subject ?? one.connection}</b>
        <a class="mono cut" href={channelPath(one.channel)}>
          {one.channel}
        </a>
      </div>
      <p class="quiet-text">
        {whySlow(one)} {one.state !== 'catching-up' && `${plural(one.lagRecords, 'record')} behind,`} for{' '}
        {durationText(one.laggingMs)}.
      </p>
    </li>
  );
}
