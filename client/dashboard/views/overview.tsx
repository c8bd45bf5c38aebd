/** @jsxImportSource preact */
/** The first thing that is seen: how the hub does, whether the promise is kept, and who is busiest and slowest. */
import { useState } from 'preact/hooks';
import { useChanges } from '../changes.ts';
import type { HubLink } from '../hub-link.ts';
import { plural } from '../model/format.ts';
import { type HubHistory, sumOf } from '../model/hub-history.ts';
import { Empty } from '../parts/notice.tsx';
import { Badge } from '../parts/state-badge.tsx';
import { ChannelsTable } from './channels-table.tsx';
import { FigureCardView } from './figure-card.tsx';
import { CARDS } from './figure-cards.ts';
import { SlowList } from './slow-list.tsx';

const SPANS = [5, 15, 60] as const;
const BUSIEST = 8;

export function Overview({ link }: { readonly link: HubLink }) {
  useChanges(link.figureChanges);
  const [minutes, setMinutes] = useState<number>(SPANS[0]);
  const { hub, channels } = link;
  if (!hub.latest) return <Waiting link={link} />;
  return (
    <>
      <div class="view-head">
        <h1 class="hidden-text">Overview</h1>
        <Kept hub={hub} minutes={minutes} />
        <fieldset class="segmented" aria-label="How far back the charts go">
          {SPANS.map((span) => (
            <button key={span} type="button" aria-pressed={span === minutes} onClick={() => setMinutes(span)}>
              {span === 60 ? '1 h' : `${span} min`}
            </button>
          ))}
        </fieldset>
      </div>
      <div class="cards">
        {CARDS.map((card) => (
          <FigureCardView key={card.title} card={card} hub={hub} spanMs={minutes * 60_000} />
        ))}
      </div>
      <div class="columns">
        <section class="panel" aria-labelledby="busiest">
          <h2 id="busiest">
            Busiest channels <a href="#/channels">all {channels.latest?.total ?? ''}</a>
          </h2>
          <ChannelsTable board={channels} most={BUSIEST} isBrief />
        </section>
        <section class="panel" aria-labelledby="slowest">
          <h2 id="slowest">
            Who is behind <a href="#/subscriptions">all {link.subscriptions?.total ?? ''}</a>
          </h2>
          <SlowList figures={link.subscriptions} />
        </section>
      </div>
    </>
  );
}

/** What the promise came to, over what the charts show. */
function Kept({ hub, minutes }: { readonly hub: HubHistory; readonly minutes: number }) {
  const latest = hub.latest!;
  const fromMs = hub.lastMs! - minutes * 60_000;
  const [, gaps, missed] = hub.window(fromMs, ['gaps', 'missed']);
  const told = Math.round(sumOf(gaps));
  const left = Math.round(sumOf(missed));
  const span = minutes === 60 ? 'the last hour' : `the last ${minutes} minutes`;
  return (
    <p class="promise">
      {latest.storeFailing ? (
        <Badge tone="bad" icon="warn" text="The disk takes no writes" />
      ) : (
        <Badge
          tone="good"
          icon="check"
          text={latest.storedBytes === null ? 'In memory only' : 'Written to disk'}
        />
      )}
      {latest.lagging > 0 ? (
        <Badge
          tone="warn"
          icon="clock"
          text={`${latest.lagging} of ${plural(latest.subscriptions, 'subscription')} not live`}
        />
      ) : (
        <Badge tone="good" icon="check" text={`All ${plural(latest.subscriptions, 'subscription')} live`} />
      )}
      <span class="promise-text">
        {told === 0
          ? `No reader was told of a gap in ${span}.`
          : `${plural(told, 'gap')} told to readers in ${span}, ${plural(left, 'record')} left out by policy.`}
      </span>
    </p>
  );
}

function Waiting({ link }: { readonly link: HubLink }) {
  if (link.status === 'connecting') {
    return <Empty title={`Connecting to ${link.url}`}>This page goes on trying; is the hub running?</Empty>;
  }
  return (
    <Empty title="No figures yet">
      The hub publishes them once a second on <code>$sys.hub</code>. A hub of an older version does not:
      update it.
    </Empty>
  );
}
