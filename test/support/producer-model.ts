/** What a channel must know of its producers, told from nothing but the entries that it has kept. */
import assert from 'node:assert/strict';
import type { ProducerLimits, ProducerTable } from '../../server/log/producer-table.ts';
import type { Offset } from '../../shared/terms.ts';

export interface ModelNote {
  readonly producer: string;
  readonly sequence: number;
  readonly lastOffset: Offset;
  readonly nowMs: number;
}

/** That `table` knows exactly the producers of these entries, but those that its limits let it forget. */
export function checkProducers(
  table: ProducerTable,
  notes: readonly ModelNote[],
  { maxCount, maxAgeMs }: ProducerLimits,
): void {
  const known = new Map<string, ModelNote>();
  let forgottenMs: number | undefined;
  for (const note of notes) {
    known.set(note.producer, note);
    const byActivity = [...known.values()].sort((a, b) => notes.indexOf(b) - notes.indexOf(a));
    const forgotten = byActivity.filter((other, i) => i >= maxCount || note.nowMs - other.nowMs > maxAgeMs);
    for (const { producer, nowMs } of forgotten) {
      known.delete(producer);
      forgottenMs = Math.max(forgottenMs ?? 0, nowMs);
    }
  }
  for (const producer of new Set(notes.map((note) => note.producer))) {
    assert.equal(table.lastSequence(producer), known.get(producer)?.sequence, `another entry of ${producer}`);
  }
  assert.equal(table.count, known.size);
  assert.equal(table.mayHaveForgotten(undefined), false);
  assert.equal(table.mayHaveForgotten(0), forgottenMs !== undefined);
  if (forgottenMs === undefined) return;
  assert.deepEqual(
    [table.mayHaveForgotten(forgottenMs), table.mayHaveForgotten(forgottenMs + 1)],
    [true, false],
  );
}
