/** The states of an order and the only edges between them. Pure. */
import { SluiceError } from '@sluice/sdk';
import { PipelineErrors, WAIT_STATES, type OrderState } from '@sluice/pipeline-api';

const AFTER_WAITING: readonly OrderState[] = [...WAIT_STATES, 'AUTHORISED', 'REJECTED', 'CANCELLED', 'EXPIRED'];

/** From each state, the states it may change to. UNKNOWN is never left by a timer alone: only an answer of the core decides. */
export const ORDER_EDGES: Readonly<Record<OrderState, readonly OrderState[]>> = {
  RECEIVED: ['REJECTED', ...WAIT_STATES, 'AUTHORISED'],
  CHALLENGED: AFTER_WAITING.filter((state) => state !== 'CHALLENGED'),
  WAITING_OTHER_CHANNEL: AFTER_WAITING.filter((state) => state !== 'WAITING_OTHER_CHANNEL'),
  HELD_BY_RISK: AFTER_WAITING.filter((state) => state !== 'HELD_BY_RISK'),
  WAITING_APPROVAL: AFTER_WAITING.filter((state) => state !== 'WAITING_APPROVAL'),
  SCHEDULED: AFTER_WAITING.filter((state) => state !== 'SCHEDULED'),
  AUTHORISED: ['POSTED', 'SENT_TO_CORE', 'REJECTED'],
  SENT_TO_CORE: ['POSTED', 'REJECTED', 'REVERSED', 'UNKNOWN'],
  UNKNOWN: ['POSTED', 'REJECTED', 'REVERSED'],
  POSTED: ['REVERSED'],
  REJECTED: [],
  CANCELLED: [],
  EXPIRED: [],
  REVERSED: [],
};

/** True when nothing can follow a state. */
export function isTerminal(state: OrderState): boolean {
  return ORDER_EDGES[state].length === 0;
}

/**
 * The next state, when there is an edge to it.
 * @throws SluiceError `ORDER_STATE` otherwise.
 */
export function advance(orderNo: string, from: OrderState, to: OrderState): OrderState {
  if (ORDER_EDGES[from].includes(to)) return to;
  throw new SluiceError(PipelineErrors.orderState, `Order '${orderNo}' cannot become ${to}: it is ${from}`, {
    details: { orderNo, from, to, possible: ORDER_EDGES[from] },
    remedy: isTerminal(from) ? 'This order has ended; make a new one.' : 'Look the order up again before acting on it.',
    httpStatus: 409,
  });
}
