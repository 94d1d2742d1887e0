/** What has to be read for an order, gathered from all steps: each row once, locks in the one fixed order. Pure. */
import type { FactRequest, Order } from '@sluice/pipeline-api';
import { guarded, type SlotStep } from './decide.js';

/** Rows to read. Locked ones are locked as they are read: counters by key first, then accounts by number. */
export interface GatherPlan {
  readonly counters: readonly string[];
  readonly lockCounters: boolean;
  readonly accounts: readonly string[];
  readonly lockAccounts: boolean;
  readonly rows: readonly { readonly entity: string; readonly key: string }[];
}

/** Joins the wishes of all steps. The accounts of the booking are always read. One wish for a lock locks all rows of its kind. */
export function gatherPlan(order: Order, steps: readonly SlotStep[]): GatherPlan {
  const requests = steps.flatMap(({ slot, step }): readonly FactRequest[] => guarded(slot, step, 'facts', () => step.facts(order)));
  const counters = new Set<string>();
  const accounts = new Set(order.booking.map((leg) => leg.accountNo));
  const rows = new Map<string, { entity: string; key: string }>();
  let lockCounters = false;
  let lockAccounts = false;
  for (const request of requests) {
    if (request.kind === 'counter') {
      counters.add(request.counter);
      lockCounters ||= request.lock === true;
    } else if (request.kind === 'account') {
      accounts.add(request.accountNo);
      lockAccounts ||= request.lock === true;
    } else rows.set(`${request.entity}/${request.key}`, { entity: request.entity, key: request.key });
  }
  return { counters: [...counters].sort(), lockCounters, accounts: [...accounts].sort(), lockAccounts, rows: [...rows.values()] };
}
