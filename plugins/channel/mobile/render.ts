/** Turns values of the services into the JSON of this channel. No rule lives here. */
import { reply, type RouteReply, type Static } from '@sluice/sdk';
import { formatAmount, type AccountView, type HistoryEntry } from '@sluice/core-api';
import type { FunctionDescriptor } from '@sluice/channel-api';
import { WAIT_STATES, type OrderState, type OrderView } from '@sluice/pipeline-api';
import { INPUT_INVALID, type InputMistake, type TransferResult } from '@sluice/product-api';
import type { AccountsReply, FunctionsReply, HistoryReply, OrderReply } from './schemas.js';
import type { Say } from './words.js';

type FunctionBody = Static<typeof FunctionsReply>['functions'][number];

const PROBLEM_HEADERS = { 'content-type': 'application/problem+json' } as const;
/** States in which nobody may call an order done or failed yet. */
const UNDER_WAY: ReadonlySet<OrderState> = new Set<OrderState>([...WAIT_STATES, 'RECEIVED', 'AUTHORISED', 'SENT_TO_CORE', 'UNKNOWN']);

/** A refusal. Deterministic, so that a repeated request gets the very same bytes. */
export function problem(say: Say, status: number, code: string, extra: Readonly<Record<string, unknown>> = {}): RouteReply {
  const text = say(code);
  return reply(status, { type: `urn:sluice:error:${code}`, title: text, status, code, detail: text, ...extra }, PROBLEM_HEADERS);
}

/** All mistakes of what was entered. */
export function inputProblem(say: Say, mistakes: readonly InputMistake[]): RouteReply {
  const errors = mistakes.map(({ field, code, found, expected }) => ({
    path: field === 'key' ? '/headers/idempotency-key' : `/body/${field}`,
    code,
    message: say(code, { found, expected }),
    found,
    expected,
  }));
  return problem(say, 422, INPUT_INVALID, { errors });
}

/**
 * The answer to an order: 201 when it is done, 202 while it waits or is being processed, or a problem that names it. The header tells a
 * repeated answer from a first one.
 */
export function transferReply(say: Say, result: TransferResult): RouteReply {
  if (result.outcome === 'invalid') return inputProblem(say, result.mistakes);
  const { order } = result;
  const headers = result.replay ? { 'idempotency-replayed': 'true' } : {};
  if (order.refusal === null) return reply(UNDER_WAY.has(order.state) ? 202 : 201, orderBody(say, order), headers);
  const refused = problem(say, 422, order.refusal.code, {
    instance: `urn:sluice:order:${order.orderNo}`,
    orderNo: order.orderNo,
    slot: order.refusal.slot,
    details: order.refusal.details,
    servedBy: order.servedBy,
  });
  return { ...refused, headers: { ...refused.headers, ...headers } };
}

/** An order as the customer sees it. */
export function orderBody(say: Say, order: OrderView): Static<typeof OrderReply> {
  return {
    orderNo: order.orderNo,
    state: order.state,
    stateText: say(`STATE_${order.state}`),
    payerAccountNo: order.payerAccountNo,
    payeeAccountNo: order.payeeAccountNo,
    amount: formatAmount(order.amount),
    fee: formatAmount(order.fee),
    currency: order.amount.currency,
    narrative: order.narrative,
    businessDate: order.businessDate,
    executionDate: order.executeOn ?? null,
    receivedAt: new Date(order.receivedAt).toISOString(),
    originalOrderNo: order.parentOrderNo,
    refusalCode: order.refusal?.code ?? null,
    servedBy: order.servedBy,
  };
}

/** A function in the words of the customer. */
export function functionBody(say: Say, { function: name, title, steps, fields, movesMoney }: FunctionDescriptor): FunctionBody {
  return {
    function: name,
    title: say(title),
    movesMoney,
    steps: steps.map(({ label, ...step }) => ({ ...step, label: say(label) })),
    fields: fields.map(({ label, ...field }) => ({ ...field, label: say(label) })),
  };
}

/** An account with its balances. */
export function accountBody(account: AccountView): Static<typeof AccountsReply>['accounts'][number] {
  const { accountNo, title, currency, state } = account;
  return {
    accountNo,
    title,
    currency,
    balance: formatAmount({ minor: account.postedMinor, currency }),
    available: formatAmount({ minor: account.availableMinor, currency }),
    state,
  };
}

/** One entry of history. */
export function historyBody(entry: HistoryEntry): Static<typeof HistoryReply>['entries'][number] {
  const { sequence, businessDate, side, currency, counterAccountNo, orderNo, narrative } = entry;
  return {
    sequence,
    bookedAt: new Date(entry.bookedAt).toISOString(),
    businessDate,
    side,
    amount: formatAmount({ minor: entry.amountMinor, currency }),
    currency,
    counterAccountNo,
    orderNo,
    narrative,
  };
}
