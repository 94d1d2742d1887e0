/** How an order looks from outside, at each point of its way. Pure. */
import type { BusinessMoment, Order, OrderRequest, OrderState, OrderView, Refusal, ReverseRequest, Waiting } from '@sluice/pipeline-api';

/** The order of a request. */
export function orderOf(request: OrderRequest, orderNo: string): Order {
  const { channel, customerNo, amount, payerAccountNo, payeeAccountNo, narrative, booking, executeOn } = request;
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
    ...(executeOn === undefined ? {} : { executeOn }),
  };
}

/** The order that undoes another one: payer and payee change sides. */
export function reversalOrderOf({ executeOn: _date, ...original }: Order, request: ReverseRequest, orderNo: string): Order {
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

/** What an order came to, in one transaction. */
export interface Standing {
  readonly state: OrderState;
  readonly feeMinor: bigint;
  readonly refusal: Refusal | null;
  readonly waiting?: Waiting;
}

/** An order as it is answered. */
export function viewOf(order: Order, moment: BusinessMoment, servedBy: string, standing: Standing): OrderView {
  return {
    orderNo: order.orderNo,
    parentOrderNo: order.parentOrderNo,
    state: standing.state,
    channel: order.channel,
    function: order.function,
    customerNo: order.customerNo,
    amount: order.amount,
    fee: { minor: standing.feeMinor, currency: order.amount.currency },
    payerAccountNo: order.payerAccountNo,
    payeeAccountNo: order.payeeAccountNo,
    narrative: order.narrative,
    businessDate: moment.businessDate,
    receivedAt: moment.at,
    servedBy,
    refusal: standing.refusal,
    ...(order.executeOn === undefined ? {} : { executeOn: order.executeOn }),
    ...(standing.waiting === undefined ? {} : { waiting: standing.waiting }),
  };
}
