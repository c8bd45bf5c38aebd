/** A folder of a test's own, gone when the test is. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/**
 * Makes an empty folder and returns its path; it is removed after the current test, so call it within a test or a
 * `beforeEach`. Whatever uses it is stopped first when that is registered with `onTestFinished` later than this.
 */
export async function tempFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ringcast-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
