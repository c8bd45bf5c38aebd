import { createMemoryStore } from '../../server/log/memory-store.ts';
import { orderedStoreSuite } from './ordered-store-suite.ts';

orderedStoreSuite('memory store', () => createMemoryStore({ keep: true }));
