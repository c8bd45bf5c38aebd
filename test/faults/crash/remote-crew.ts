/** A crew in another process, as the crash test holds it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { CrewPlan, CrewReport, Heads } from './crew.ts';
import type { CrewAnswer, CrewOrder } from './crew-messages.ts';

export class RemoteCrew {
  readonly #child: ChildProcess;

  private constructor(dist: URL) {
    const entry = fileURLToPath(new URL('test/faults/crash/crew-process.js', dist));
    this.#child = fork(entry, { serialization: 'advanced' });
  }

  /** @param dist the folder that `npm run build` wrote */
  static async start(dist: URL, plan: CrewPlan, seed: number): Promise<RemoteCrew> {
    const crew = new RemoteCrew(dist);
    await crew.#order({ do: 'start', plan, seed });
    return crew;
  }

  /** Takes its time away from it. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  async stopPublishing(): Promise<void> {
    await this.#order({ do: 'stop-publishing' });
  }

  async catchUp(heads: Heads): Promise<void> {
    await this.#order({ do: 'catch-up', heads });
  }

  async report(): Promise<CrewReport> {
    return (await this.#order({ do: 'report' })).report!;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** One at a time. */
  async #order(order: CrewOrder): Promise<CrewAnswer> {
    const ended = once(this.#child, 'exit').then(() => {
      throw new Error(`a crew ended instead of doing ${order.do}`);
    });
    const answer = once(this.#child, 'message') as Promise<[CrewAnswer]>;
    this.#child.send(order);
    return (await Promise.race([answer, ended]))[0];
  }
}
