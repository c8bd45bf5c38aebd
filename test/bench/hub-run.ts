/** A hub of a scenario, in a process of its own on core 0, with a data folder that outlives its restarts. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HubConfigInput } from '../../server/config-schema.ts';
import { Child, type MeasuredProcess } from './processes/child.ts';
import type { HubOrder } from './processes/hub.ts';
import type { Usage } from './processes/proc-usage.ts';
import type { PublisherOrder } from './processes/publisher.ts';

const RECORDS_PER_FILLING_FRAME = 50;

export interface HubAddress {
  readonly url: string;
  readonly token: string;
}

export class HubRun implements MeasuredProcess {
  #child: Child;
  #address: HubAddress | undefined;
  readonly #settings: HubConfigInput;
  readonly #dataFolder: string;

  static async start(settings: HubConfigInput = {}): Promise<HubRun> {
    const hub = new HubRun(settings, await mkdtemp(join(tmpdir(), 'ringcast-bench-')));
    try {
      await hub.#open();
    } catch (cause) {
      await hub.end();
      throw cause;
    }
    return hub;
  }

  private constructor(settings: HubConfigInput, dataFolder: string) {
    this.#settings = settings;
    this.#dataFolder = dataFolder;
    this.#child = Child.start('./hub.js', 0);
  }

  get address(): HubAddress {
    return this.#address!;
  }

  usage(): Promise<Usage> {
    return this.#child.usage();
  }

  async end(): Promise<void> {
    await this.#child.end();
    // It has done so itself, unless it crashed.
    await rm(this.#dataFolder, { recursive: true, force: true });
  }

  /** A clean stop, and another process on the same folder: nothing is in memory. */
  async restart(): Promise<void> {
    await this.#child.ask('release');
    await this.#child.end();
    this.#child = Child.start('./hub.js', 0);
    await this.#open();
  }

  /** Publishes `count` records of `payload` to `channel`, all acknowledged from disk. */
  async fill(channel: string, payload: Buffer, count: number): Promise<void> {
    const publisher = Child.start('./publisher.js', 1);
    try {
      const order: PublisherOrder = {
        ...this.address,
        server: 'ringcast',
        channels: [channel],
        payload,
        recordsPerFrame: RECORDS_PER_FILLING_FRAME,
        ack: 'disk',
        depth: 1000,
      };
      await publisher.ask('open', order);
      await publisher.ask('publish', count / RECORDS_PER_FILLING_FRAME);
    } finally {
      await publisher.end();
    }
  }

  async #open(): Promise<void> {
    const order: HubOrder = { settings: this.#settings, dataFolder: this.#dataFolder };
    this.#address = await this.#child.ask<HubAddress>('start', order);
  }
}
