/** What the crash test and a crew in a process of its own say to each other. */
import type { CrewPlan, CrewReport, Heads } from './crew.ts';

export type CrewOrder =
  | { readonly do: 'start'; readonly plan: CrewPlan; readonly seed: number }
  | { readonly do: 'stop-publishing' }
  | { readonly do: 'catch-up'; readonly heads: Heads }
  | { readonly do: 'report' };

/** The answer to each order, in order; to `report` with it. */
export interface CrewAnswer {
  readonly done: CrewOrder['do'];
  readonly report?: CrewReport;
}
