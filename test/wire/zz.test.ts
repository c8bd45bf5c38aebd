import { expect, test } from 'vitest';
import { startHub } from '/work/main/test/support/start-hub.ts';
test('x', async () => {
  const { connect, metric } = await startHub({ config: { memory: { ringBytes: 1_048_576, unpersistedBytes: 1_048_576 } } });
  const publisher = await connect();
  const json = await connect({ form: 'json' });
  await json.subscribe('a');
  json.pause();
  const filler = 'x'.repeat(2000);
  let refused = 0; const t0 = performance.now();
  for (let i = 0; i < 6000; i += 50) {
    const values = Array.from({ length: 50 }, (_, j) => [i + j, filler]);
    await publisher.publish('a', values).catch((e) => { refused++; i -= 50; });
    if (i % 1000 === 0 || refused % 1000===999) console.log(i, refused, performance.now()-t0, await metric('ringcast_unpersisted_bytes'), await metric('ringcast_ring_bytes'));
  }
  console.log('published', performance.now()-t0, refused, await metric('ringcast_buffered_bytes'));
  json.resume();
  for (let k=0;k<10;k++){ await new Promise(r=>setTimeout(r,500)); console.log(json.frames.length, (json.frames.at(-1) as any).records?.at(-1).offset, await metric('ringcast_buffered_bytes'), json.close); }
}, 60000);
