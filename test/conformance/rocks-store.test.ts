import { createRocksStore } from '../../server/log/rocks-store.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { orderedStoreSuite } from './ordered-store-suite.ts';

// A small write buffer, so that files are written, merged and read back even in these short tests.
orderedStoreSuite('RocksDB store', async () =>
  createRocksStore(await tempFolder(), { writeBufferBytes: 1 << 20 }),
);
