/** The step budget of one resolution. */

/** Counts steps and stops a resolution that takes too many. */
export class StepBudget {
  steps = 0;

  constructor(readonly limit: number) {}

  spend(steps: number): void {
    this.steps += steps;
    if (this.steps > this.limit) throw new BudgetSpent();
  }
}

/** Thrown through the resolver when the budget is spent; never leaves it. */
export class BudgetSpent extends Error {}
