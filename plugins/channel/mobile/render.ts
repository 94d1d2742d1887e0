/** Turns values of the services into the JSON of this channel. No rule lives here. */
import { reply, type RouteReply, type Static } from '@sluice/sdk';
import { formatAmount, type AccountView, type HistoryEntry } from '@sluice/core-api';
import type { OrderView } from '@sluice/pipeline-api';
import { INPUT_INVALID, type InputMistake, type TransferResult } from '@sluice/product-api';
import type { AccountsReply, HistoryReply, OrderReply } from './schemas.js';
import { textOf } from './texts.js';

const PROBLEM_HEADERS = { 'content-type': 'application/problem+json' } as const;

/** A refusal. Deterministic, so that a repeated request gets the very same bytes. */
export function problem(status: number, code: string, extra: Readonly<Record<string, unknown>> = {}): RouteReply {
  const title = status === 404 ? 'Not found' : status === 401 ? 'Unauthorized' : 'Request refused';
  return reply(status, { type: `urn:sluice:error:${code}`, title, status, code, detail: textOf(code), ...extra }, PROBLEM_HEADERS);
}

/** All mistakes of what was entered. */
export function inputProblem(mistakes: readonly InputMistake[]): RouteReply {
  return problem(422, INPUT_INVALID, { errors: mistakes.map(({ field, code, message }) => ({ path: `/body/${field}`, code, message })) });
}

/** The answer to an order: 201 with the order, or a problem that names it. The header tells a repeated answer from a first one. */
export function transferReply(result: TransferResult): RouteReply {
  if (result.outcome === 'invalid') return inputProblem(result.mistakes);
  const { order } = result;
  const headers = result.replay ? { 'idempotency-replayed': 'true' } : {};
  if (order.refusal === null) return reply(201, orderBody(order), headers);
  const refused = problem(422, order.refusal.code, {
    instance: `urn:sluice:order:${order.orderNo}`,
    orderNo: order.orderNo,
    slot: order.refusal.slot,
    details: order.refusal.details,
    servedBy: order.servedBy,
  });
  return { ...refused, headers: { ...refused.headers, ...headers } };
}

/** An order as the customer sees it. */
export function orderBody(order: OrderView): Static<typeof OrderReply> {
  return {
    orderNo: order.orderNo,
    state: order.state,
    payerAccountNo: order.payerAccountNo,
    payeeAccountNo: order.payeeAccountNo,
    amount: formatAmount(order.amount),
    fee: formatAmount(order.fee),
    currency: order.amount.currency,
    narrative: order.narrative,
    businessDate: order.businessDate,
    receivedAt: new Date(order.receivedAt).toISOString(),
    originalOrderNo: order.parentOrderNo,
    refusalCode: order.refusal?.code ?? null,
    servedBy: order.servedBy,
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
