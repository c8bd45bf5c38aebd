/**
 * What a replay cannot be faster than: bare uWebSockets.js that sends pages of records to whoever says `sub`, with up to
 * 256 KiB buffered, from memory or from an iterator of RocksDB. No log, no cursor, no auth.
 */

import { App, us_socket_local_port, type WebSocket } from 'uWebSockets.js';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import rocksdb, { type Database } from 'rocksdb';
import { answer } from './answering.ts';

export interface PageOrder {
  readonly kind: 'memory' | 'rocksdb';
  /** A page's records, one behind the other. */
  readonly page: Buffer;
  readonly pages: number;
}

const BUFFERED_BYTES = 256 * 1024;
/** As the hub's: see rocks-store.ts. */
const OPTIONS = { compression: false, writeBufferSize: 64 << 20, blockSize: 4 << 10, cacheSize: 8 << 20 };
const PAGES_PER_BATCH = 16;
const TRIP_BYTES = 1024 * 1024;

interface Reader {
  /** Sends on, after the socket has taken what waited. */
  resume: () => void;
  isOpen: boolean;
}

type Page = Buffer<ArrayBuffer>;

let folder: string | undefined;

function sendFromMemory(ws: WebSocket<Reader>, pages: readonly Page[]): void {
  const reader = ws.getUserData();
  let next = 0;
  const pump = () => {
    // A closed socket must not be touched.
    while (reader.isOpen && next < pages.length && ws.getBufferedAmount() < BUFFERED_BYTES)
      ws.send(pages[next++]!, true, false);
  };
  reader.resume = pump;
  pump();
}

function sendFromStore(ws: WebSocket<Reader>, database: Database): void {
  const reader = ws.getUserData();
  const iterator = database.iterator({ highWaterMark: TRIP_BYTES, fillCache: false });
  const take = (error: Error | null | undefined, key?: Buffer, value?: Buffer): void => {
    if (error) throw error;
    if (!key || !reader.isOpen) {
      iterator.end(() => {});
      return;
    }
    ws.send(value as Page, true, false);
    if (ws.getBufferedAmount() < BUFFERED_BYTES) iterator.next(take);
    else reader.resume = goOn;
  };
  const goOn = () => {
    reader.resume = () => {};
    iterator.next(take);
  };
  goOn();
}

async function openStore({ page, pages }: PageOrder): Promise<Database> {
  folder = mkdtempSync(join(tmpdir(), 'ringcast-bench-'));
  const filled = rocksdb(folder);
  await done((callback) => filled.open(OPTIONS, callback));
  const batch = filled.batch();
  for (let from = 0; from < pages; from += PAGES_PER_BATCH) {
    batch._clear();
    for (let i = from; i < Math.min(from + PAGES_PER_BATCH, pages); i++) {
      const key = Buffer.alloc(8);
      key.writeBigUInt64BE(BigInt(i));
      batch._put(key, page);
    }
    await done((callback) => batch._write({ sync: true }, callback));
  }
  // Opened anew, as the hub is: nothing is in its write buffer.
  await done((callback) => filled.close(callback));
  const database = rocksdb(folder);
  await done((callback) => database.open(OPTIONS, callback));
  return database;
}

function done(run: (callback: (error: Error | null | undefined) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => run((error) => (error ? reject(error) : resolve())));
}

async function start(order: PageOrder): Promise<{ url: string }> {
  const send = await sender(order);
  const app = App();
  app.ws<Reader>('/*', {
    compression: 0,
    maxBackpressure: 1024 * 1024 * 1024,
    upgrade(response, request, context) {
      response.upgrade<Reader>(
        { resume: () => {}, isOpen: true },
        request.getHeader('sec-websocket-key'),
        request.getHeader('sec-websocket-protocol'),
        request.getHeader('sec-websocket-extensions'),
        context,
      );
    },
    message: send,
    drain: (ws) => ws.getUserData().resume(),
    close(ws) {
      ws.getUserData().isOpen = false;
      ws.getUserData().resume();
    },
  });
  return new Promise((resolve, reject) => {
    app.listen('127.0.0.1', 0, (listening) => {
      if (listening) resolve({ url: `ws://127.0.0.1:${us_socket_local_port(listening)}` });
      else reject(new Error('cannot listen on 127.0.0.1'));
    });
  });
}

async function sender(order: PageOrder): Promise<(ws: WebSocket<Reader>) => void> {
  if (order.kind === 'rocksdb') {
    const database = await openStore(order);
    return (ws) => sendFromStore(ws, database);
  }
  // Each has memory of its own: one page sent again and again would stay in the processor's cache.
  const pages = Array.from({ length: order.pages }, () => Buffer.from(new Uint8Array(order.page)));
  return (ws) => sendFromMemory(ws, pages);
}

answer({ start }, async () => {
  if (folder) rmSync(folder, { recursive: true, force: true });
});
