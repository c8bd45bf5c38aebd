/** What a record of the crash test carries, and how what came is told apart from what was sent. */
import type { ReceivedRecord } from '../../../client/exports.ts';
import type { LoggedRecord } from './accounts.ts';

/** Text that says whose it is, of at least `fillerLength` characters. */
export function payloadOf(id: string, fillerLength: number): string {
  return `${id} ${'.'.repeat(fillerLength)} ${fillerLength} ${id}`;
}

/** As the accounts have it. */
export function accountOf(record: ReceivedRecord): LoggedRecord {
  const { epoch, offset, key, meta, data } = record;
  const id = String(meta?.id ?? 'a record without an id');
  return { epoch, offset, key, id, isTombstone: data === null, intact: isIntact(id, data) };
}

function isIntact(id: string, data: unknown): boolean {
  if (data === null) return true;
  if (typeof data !== 'string') return false;
  const [, filler, length] = data.split(' ');
  return data === payloadOf(id, Number(length)) && filler?.length === Number(length);
}
