/** placeholder */
import type { Machine } from '../machine.ts';
import type { Results } from '../results.ts';
export function plotOf(_results: Results, _machine: Machine): string {
  return '';
}
