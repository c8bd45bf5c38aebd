/** A small application on the hooks, in StrictMode, which lets go of everything once and looks again. */
import { createElement as h, Profiler, StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { connect } from '../../../client/index.ts';
import {
  RingcastProvider,
  useChannel,
  useConnection,
  useLatest,
  useLatestByKey,
} from '../../../client/react.ts';
import { readParams } from './params.ts';

interface Params {
  readonly url: string;
  readonly token: string;
}

declare global {
  interface Window {
    app: {
      /** Times that the list was rendered to the page. */
      commits: number;
      /** Clients that were asked for. */
      connects: number;
      show(channel: string | null): void;
      mount(isMounted: boolean): void;
    };
  }
}

const { url, token } = readParams<Params>();
window.app = { commits: 0, connects: 0, show: () => {}, mount: () => {} };

function open() {
  window.app.connects++;
  return connect(url, { token });
}

function List({ channel }: { readonly channel: string | null }) {
  const { records, gapCount, state, error } = useChannel(channel, { from: 'earliest', limit: 5 });
  const data = records.map((record) => record.data).join(' ');
  const code = (error as { code?: string } | null)?.code ?? 'none';
  return h('p', { id: 'list' }, `${state}; ${data}; gaps ${gapCount}; error ${code}`);
}

function Newest({ channel }: { readonly channel: string | null }) {
  const record = useLatest(channel);
  const ofKey = useLatest(channel, { key: 'k', from: 'earliest' });
  return h('p', { id: 'newest' }, `${record?.data ?? 'none'}; k ${ofKey?.data ?? 'none'}`);
}

/** Twice on the page: the state of a channel is read once for both. */
function Board({ id }: { readonly id: string }) {
  const { records, error } = useLatestByKey('board');
  const prices = [...records].map(([key, record]) => `${key} ${record.data}`).join(', ');
  return h('p', { id }, error ? String(error) : prices);
}

function Connection() {
  const { status, failure } = useConnection();
  return h('p', { id: 'connection' }, `${status}; ${failure ? 'failed' : 'well'}`);
}

function App() {
  const [channel, show] = useState<string | null>('a');
  window.app.show = show;
  return h(
    'div',
    null,
    h(Profiler, { id: 'list', onRender: () => window.app.commits++ }, h(List, { channel })),
    h(Newest, { channel }),
    h(Board, { id: 'board-1' }),
    h(Board, { id: 'board-2' }),
    h(Connection),
  );
}

function Root() {
  const [isMounted, mount] = useState(true);
  window.app.mount = mount;
  return isMounted ? h(RingcastProvider, { connect: open }, h(App)) : h('p', { id: 'gone' }, 'gone');
}

createRoot(document.querySelector('#root')!).render(h(StrictMode, null, h(Root)));
