/** A real hub on a real file system that runs full and has room again. */
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { connect } from '../../client/node.ts';
import { RawClient } from '../support/raw-client.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';
import { HubProcess } from './hub-process.ts';
import { mountTinyDisk, type TinyDisk } from './tiny-disk.ts';

const DIST = new URL('../../dist/', import.meta.url);
const MIB = 1_048_576;
const DISK_MIB = 48;
const FILLER_MIB = 24;
const FILLER = 'x'.repeat(32_000);
/** More than the disk holds. */
const MOST_RECORDS = Math.ceil((DISK_MIB * MIB) / FILLER.length);
const SLOW = { timeoutMs: 20_000 };

const PUBLISHES_IN_CREDIT = 7;
const DISK_FULL = 503;

async function startOn(disk: TinyDisk): Promise<HubProcess> {
  const dataFolder = join(disk.folder, 'data');
  const memory = { ringBytes: 8 * MIB, unpersistedBytes: 2 * MIB };
  const config = { dataFolder, memory, log: { level: 'info', pretty: false } } as const;
  const hub = await HubProcess.prepare({ dist: DIST, folder: await tempFolder(), config });
  onTestFinished(() => hub.kill());
  await hub.start();
  return hub;
}

async function dial(hub: HubProcess): Promise<RawClient> {
  const client = await RawClient.connect(hub.url, SLOW);
  await client.hello(await hub.token);
  return client;
}

/** Publishes numbers to be kept on the disk, and knows which were acknowledged. */
class DiskPublisher {
  readonly #client: RawClient;
  readonly #numbers = new Map<number, number>();

  constructor(client: RawClient) {
    this.#client = client;
  }

  get acked(): number[] {
    const frames = this.#client.frames.filter((frame) => frame.op === 'published');
    const ids = frames.flatMap(({ answers }) => answers.map(({ id }) => id));
    return ids.flatMap((id) => this.#numbers.get(id) ?? []);
  }

  get sent(): number {
    return this.#numbers.size;
  }

  /** The codes of what was not taken. */
  get refusals(): string[] {
    return this.#client.frames.flatMap((frame) =>
      frame.op === 'error' && frame.id !== null && this.#numbers.has(frame.id) ? [frame.code] : [],
    );
  }

  get waiting(): number {
    return this.sent - this.acked.length - this.refusals.length;
  }

  publish(): number {
    const value = [this.sent, FILLER];
    const id = this.#client.publishLater([{ channel: 'disk', values: [value] }], 'disk');
    this.#numbers.set(id, this.sent);
    return id;
  }

  async fill(hub: HubProcess): Promise<void> {
    while ((await hub.health()) !== DISK_FULL) {
      if (this.sent > MOST_RECORDS) throw new Error('the disk never ran full');
      for (let i = 0; i < PUBLISHES_IN_CREDIT / 2; i++) this.publish();
      const answered = async () => this.waiting === 0 || (await hub.health()) === DISK_FULL;
      const have = () => [this.refusals, this.#client.close, hub.log.slice(-1000)];
      await until(answered, { what: 'the answers', ...SLOW, have });
    }
  }
}

async function keptNumbers(hub: HubProcess): Promise<number[]> {
  const client = await connect(hub.url, { token: await hub.token });
  const numbers: number[] = [];
  for await (const { records } of client.pages('disk')) {
    numbers.push(...records.map(({ data }) => (data as [number, string])[0]));
  }
  await client.close();
  return numbers;
}

test('on a full disk a hub says so, goes on from memory, and acknowledges again once there is room', async (context) => {
  const disk = await mountTinyDisk(DISK_MIB);
  if ('impossible' in disk) return context.skip(disk.impossible);
  await disk.takeSpace(FILLER_MIB * MIB);
  const hub = await startOn(disk);
  const publisher = await dial(hub);
  const reader = await dial(hub);
  const { channelNumber } = await reader.subscribe('live');

  const onDisk = new DiskPublisher(publisher);
  await onDisk.fill(hub);
  const ackedBefore = onDisk.acked.length;
  expect(ackedBefore).toBeGreaterThan(0);
  // Between two attempts the store is open again for a moment.
  const isRefused = async () => {
    if ((await hub.health()) !== DISK_FULL) return false;
    onDisk.publish();
    await publisher.ping();
    return onDisk.refusals.includes('store-failed');
  };
  await until(isRefused, { what: 'a refusal', have: () => onDisk.refusals });
  expect(hub.log).toMatch(/store|disk/);

  // Memory takes what it can hold, and readers get it.
  const other = await dial(hub);
  await other.publish('live', ['while the disk is full']);
  await until(() => reader.history(channelNumber).values.length === 1, { what: 'the live reader' });
  const refusal = await overload(hub);
  expect(refusal).toMatchObject({ code: 'overloaded' });
  expect(onDisk.acked).toHaveLength(ackedBefore);

  const patient = await connect(hub.url, { token: await hub.token });
  const last = patient.publish('disk', [MOST_RECORDS, FILLER], { ack: 'disk' });

  await disk.freeSpace();
  await last;
  expect(await hub.health()).toBe(200);
  await patient.close();
  await until(() => onDisk.waiting === 0, { what: 'the answers that waited for the disk' });
  const acked = [...onDisk.acked, MOST_RECORDS];
  await hub.kill();
  await hub.start();
  const kept = await keptNumbers(hub);
  expect(kept).toEqual([...new Set(kept)]);
  expect(acked.filter((n) => !kept.includes(n))).toEqual([]);
}, 90_000);

/**
 * Publishes to memory until that is full, too; returns the refusal. Each client spends its credit once: a hub that is
 * pressed gives none back.
 */
async function overload(hub: HubProcess): Promise<unknown> {
  for (let connections = 0; connections < 50; connections++) {
    const client = await dial(hub);
    for (let i = 0; i < PUBLISHES_IN_CREDIT; i++) {
      const refusal = await client.publish('memory', [FILLER]).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (refusal) return refusal;
    }
  }
  return undefined;
}
