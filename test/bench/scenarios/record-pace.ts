/** The figures of a load that counts records. */
import type { Child, MeasuredProcess } from '../processes/child.ts';
import type { BenchRun, Figures } from '../scenario.ts';
import { measureSaturated } from './saturation.ts';

export async function measureRecords(server: MeasuredProcess, load: Child, run: BenchRun): Promise<Figures> {
  const { perSecond, perCpuSecond, ...rest } = await measureSaturated(server, load, 'records', run);
  return { recordsPerSecond: perSecond, recordsPerCpuSecond: perCpuSecond, ...rest };
}
