/** All scenarios, in the order in which they run. */
import type { Scenario } from '../scenario.ts';
import { FAN_OUT, OFFERED_LOAD } from './fan-out.ts';

export const SCENARIOS: readonly Scenario[] = [...FAN_OUT, ...OFFERED_LOAD];
