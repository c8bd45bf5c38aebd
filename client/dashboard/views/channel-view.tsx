/** @jsxImportSource preact */
/** One channel: its numbers as lines, its past under a slider, and its records as they come or came. */
import { useEffect, useState } from 'preact/hooks';
import { useChanges } from '../changes.ts';
import { ChannelSession } from '../channel-session.ts';
import type { HubLink } from '../hub-link.ts';
import { unpersistedRecords } from '../model/channel-board.ts';
import { bytesText, countText, rateText } from '../model/format.ts';
import { Icon } from '../parts/icons.tsx';
import { Empty, ErrorNotice } from '../parts/notice.tsx';
import { Badge } from '../parts/state-badge.tsx';
import { publishPath } from '../route.ts';
import { ChannelPlot } from './channel-plot.tsx';
import { ChannelTail } from './channel-tail.tsx';
import { TimeMachine } from './time-machine.tsx';

export interface ChannelViewProps {
  readonly link: HubLink;
  readonly channel: string;
}

export function ChannelView({ link, channel }: ChannelViewProps) {
  const [session, setSession] = useState<ChannelSession | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const { client } = link;
  useEffect(() => {
    if (!client) return;
    let opened: ChannelSession | undefined;
    try {
      opened = new ChannelSession(client, channel);
      setSession(opened);
    } catch (error) {
      setFailure(error);
    }
    return () => opened?.close();
  }, [client, channel]);
  if (failure !== null) return <ErrorNotice error={failure} />;
  if (!session)
    return <Empty title={`Connecting to ${link.url}`}>The channel opens as soon as the hub is there.</Empty>;
  return <Opened link={link} session={session} />;
}

function Opened({ link, session }: { readonly link: HubLink; readonly session: ChannelSession }) {
  useChanges(session.changes);
  const { channel, error, surveyed, tail, timeline } = session;
  const isEmpty = surveyed && error === null && tail.rows.length === 0 && !timeline.first;
  return (
    <>
      <ChannelHead link={link} session={session} />
      {error !== null && <ErrorNotice error={error} />}
      {isEmpty ? (
        <section class="panel">
          <Empty title="Nothing is published here yet">
            This page shows records as soon as they come.{' '}
            <a href={publishPath(channel)}>Publish one by hand</a>, or run{' '}
            <code class="command">
              npx ringcast pub {channel} '{'{"n":1}'}'
            </code>
          </Empty>
        </section>
      ) : (
        <>
          <ChannelPlot session={session} />
          <TimeMachine session={session} />
          <ChannelTail session={session} />
        </>
      )}
    </>
  );
}

function ChannelHead({ link, session }: { readonly link: HubLink; readonly session: ChannelSession }) {
  useChanges(link.figureChanges);
  const { channel, mode } = session;
  const figures = link.channels.find(channel);
  return (
    <div class="view-head channel-head">
      <h1 class="mono">{channel}</h1>
      {mode === 'live' ? (
        <Badge tone="good" icon="live" text="Live tail" />
      ) : (
        <Badge tone="info" icon="clock" text="Replaying the past" />
      )}
      <dl class="facts">
        {figures && (
          <>
            <Fact label="records/s" text={rateText(figures.publishedPerSecond)} />
            <Fact label="bytes/s" text={bytesText(figures.publishedBytesPerSecond)} />
            <Fact label="readers" text={countText(figures.subscriptions)} />
            <Fact label="not on disk" text={countText(unpersistedRecords(figures))} />
            <Fact label="stored" text={bytesText(figures.storedBytes)} />
          </>
        )}
        <Fact label="head" text={figures?.head ?? session.live.lastRecord?.cursor ?? '–'} />
      </dl>
      <a class="button" href={publishPath(channel)}>
        <Icon name="send" />
        Publish
      </a>
    </div>
  );
}

function Fact({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{text}</dd>
    </div>
  );
}
