import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { adviceFor, ERROR_CODES, type SdkErrorCode } from '../../../shared/errors.ts';

const file = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');
const GUIDE = file('client/README.md');
const named = (name: string) => GUIDE.includes(`\`${name}\``);

/** The members of an interface of the SDK, as its source has them. */
function membersOf(path: string, name: string): string[] {
  const body = new RegExp(`export interface ${name} [^{]*{\\n([\\s\\S]*?)\\n}`).exec(file(path))?.[1];
  if (body === undefined) throw new Error(`${path} has no interface ${name}`);
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??:/gm)].map(([, member]) => member!);
}

test.each([
  ['client/options.ts', 'ConnectOptions'],
  ['client/options.ts', 'SubscribeOptions'],
  ['client/options.ts', 'PublishOptions'],
  ['client/options.ts', 'HistoryOptions'],
  ['client/client.ts', 'ClientEvents'],
  ['client/subscription.ts', 'SubscriptionEvents'],
])('the guide names every member of %s: %s', (path, name) => {
  const members = membersOf(path, name);
  expect(members.length).toBeGreaterThan(2);
  expect(members.filter((member) => !named(member))).toEqual([]);
});

test('the guide names every error code', () => {
  const source = file('shared/errors.ts');
  const own = /const SDK_ADVICE = {([\s\S]*?)\n}/.exec(source)![1]!;
  const sdkCodes = [...own.matchAll(/^ {2}'?([\w-]+)'?: '/gm)].map(([, code]) => code as SdkErrorCode);
  expect(sdkCodes.map(adviceFor)).not.toContain(undefined);
  expect([...ERROR_CODES, ...sdkCodes].filter((code) => !named(code))).toEqual([]);
});
