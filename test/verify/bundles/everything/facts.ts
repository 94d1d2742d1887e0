/** What all revisions together have done, handed from one to the next, so that a run can show that nothing stood still. */

/** Counts of one kind each. */
export interface Facts {
  visits: number;
  /** Transient events handled. */
  events: number;
  /** Durable events handled. */
  durableEvents: number;
  jobs: number;
  contextTicks: number;
  plainTicks: number;
  revisions: number;
}

/** Counts of this revision and those before it. */
export const facts: Facts = { visits: 0, events: 0, durableEvents: 0, jobs: 0, contextTicks: 0, plainTicks: 0, revisions: 1 };

/** Adds what the revisions before have counted. */
export function takeOver(before: Facts): void {
  for (const key of Object.keys(facts) as (keyof Facts)[]) facts[key] += before[key];
}
