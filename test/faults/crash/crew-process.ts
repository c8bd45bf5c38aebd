/**
 * A crew in a process of its own, which can be frozen while the others go on. Forked by the crash test, obeys its
 * orders one after the other and ends with it.
 */
import { Random } from '../../support/random.ts';
import { Crew } from './crew.ts';
import type { CrewAnswer, CrewOrder } from './crew-messages.ts';

let crew: Crew | undefined;
let orders = Promise.resolve();

process.on('message', (order: CrewOrder) => {
  orders = orders.then(async () => {
    const answer = await obey(order);
    process.send!(answer);
  });
});
process.on('disconnect', () => process.exit(0));

async function obey(order: CrewOrder): Promise<CrewAnswer> {
  switch (order.do) {
    case 'start':
      crew = await Crew.start(order.plan, new Random(order.seed));
      break;
    case 'stop-publishing':
      await crew!.stopPublishing();
      break;
    case 'catch-up':
      await crew!.catchUp(order.heads);
      break;
    case 'report':
      return { done: order.do, report: crew!.report() };
  }
  return { done: order.do };
}
