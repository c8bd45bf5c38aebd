/**
 * This machine's name as one token of a channel name.
 */
import { hostname } from 'node:os';

export function machineName(name = hostname()): string {
  const [label = ''] = name.split('.');
  return (
    label
      .replace(/[^A-Za-z0-9_-]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 63) || 'machine'
  );
}
