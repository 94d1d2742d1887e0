/** How an order looks from outside, at each of its ends. Pure. */
import type { BusinessMoment, Order, OrderRequest, OrderView, Refusal, ReverseRequest } from '@sluice/pipeline-api';
import { advance } from './order-state.js';

/** The order of a request. */
export function orderOf(request: OrderRequest, orderNo: string): Order {
  const { channel, customerNo, amount, payerAccountNo, payeeAccountNo, narrative, booking } = request;
  return {
    orderNo,
    parentOrderNo: null,
    channel,
    function: request.function,
    customerNo,
    amount,
    payerAccountNo,
    payeeAccountNo,
    narrative,
    booking,
  };
}

/** The order that undoes another one: payer and payee change sides. */
export function reversalOrderOf(original: Order, request: ReverseRequest, orderNo: string): Order {
  return {
    ...original,
    orderNo,
    parentOrderNo: original.orderNo,
    channel: request.channel,
    function: 'order.reversal',
    payerAccountNo: original.payeeAccountNo,
    payeeAccountNo: original.payerAccountNo,
    narrative: request.reason,
    booking: original.booking.map(({ accountNo, side, money }) => ({ accountNo, side: side === 'DEBIT' ? 'CREDIT' : 'DEBIT', money })),
  };
}

/** An order that was posted, with the embedded ledger and nothing to wait for: received, authorised and posted in one transaction. */
export function postedView(order: Order, moment: BusinessMoment, servedBy: string, feeMinor: bigint): OrderView {
  const state = advance(order.orderNo, advance(order.orderNo, 'RECEIVED', 'AUTHORISED'), 'POSTED');
  return view(order, moment, servedBy, { state, feeMinor, refusal: null });
}

/** An order that a slot or the ledger refused. */
export function refusedView(order: Order, moment: BusinessMoment, servedBy: string, refusal: Refusal): OrderView {
  return view(order, moment, servedBy, { state: advance(order.orderNo, 'RECEIVED', 'REJECTED'), feeMinor: 0n, refusal });
}

function view(
  order: Order,
  moment: BusinessMoment,
  servedBy: string,
  end: { state: OrderView['state']; feeMinor: bigint; refusal: Refusal | null },
): OrderView {
  return {
    orderNo: order.orderNo,
    parentOrderNo: order.parentOrderNo,
    state: end.state,
    channel: order.channel,
    function: order.function,
    customerNo: order.customerNo,
    amount: order.amount,
    fee: { minor: end.feeMinor, currency: order.amount.currency },
    payerAccountNo: order.payerAccountNo,
    payeeAccountNo: order.payeeAccountNo,
    narrative: order.narrative,
    businessDate: moment.businessDate,
    receivedAt: moment.at,
    servedBy,
    refusal: end.refusal,
  };
}
