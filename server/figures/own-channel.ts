/** A channel that the hub itself publishes to: opened when it is first needed, and never forgotten from then on. */
import type { Channel } from '../hub/channel.ts';
import type { Hub } from '../hub/hub.ts';
import { appendOwn } from '../hub/own-records.ts';

export class OwnChannel {
  readonly #hub: Hub;
  readonly #name: string;
  #channel: Channel | undefined;

  constructor(hub: Hub, name: string) {
    this.#hub = hub;
    this.#name = name;
  }

  /** To be called before each {@link append}. Rejects with `too-many-channels` and `store-failed`. */
  async open(): Promise<void> {
    this.#channel ??= await this.#hub.hold(this.#hub.openChannel(this.#name));
  }

  /** Nothing while the disk is far behind, or before it is open. */
  append(payload: Uint8Array): void {
    if (this.#channel) appendOwn(this.#hub, this.#channel, payload);
  }

  close(): void {
    if (this.#channel) this.#hub.release(this.#channel);
    this.#channel = undefined;
  }
}
