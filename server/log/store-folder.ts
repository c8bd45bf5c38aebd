import { join } from 'node:path';

/** Where in the data folder the store lies: a folder of its own, so that other files can stand beside it. */
export function storeFolder(dataFolder: string): string {
  return join(dataFolder, 'log');
}
