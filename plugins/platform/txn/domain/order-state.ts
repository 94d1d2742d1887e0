/** The states of an order and the only edges between them. Pure. */
import { SluiceError } from '@sluice/sdk';
import { ORDER_STATES, PipelineErrors, WAIT_STATES, type OrderState, type WaitState } from '@sluice/pipeline-api';

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

/** States that are passed through inside one transaction and never stored by it. */
const PASSED_THROUGH: ReadonlySet<OrderState> = new Set(['RECEIVED', 'AUTHORISED']);

/**
 * Which stored state may follow which in one transaction: the edges, with AUTHORISED passed through. The database enforces these.
 * A waiting order may also stay what it is, with another record: a wrong factor was counted.
 */
export function storedEdges(): readonly (readonly [from: OrderState, to: OrderState])[] {
  const after = (from: OrderState): readonly OrderState[] =>
    ORDER_EDGES[from].flatMap((to) => (PASSED_THROUGH.has(to) ? [to, ...ORDER_EDGES[to]] : [to]));
  return ORDER_STATES.filter((from) => from !== 'RECEIVED').flatMap((from) => {
    const targets = new Set([...after(from), ...(isWaiting(from) ? [from] : [])]);
    return [...targets].map((to) => [from, to] as const);
  });
}

/** True for an order that waits for somebody or for its date. */
export function isWaiting(state: OrderState): state is WaitState {
  return (WAIT_STATES as readonly OrderState[]).includes(state);
}

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

/**
 * Walks along edges and tells the way, for the audit.
 * @throws SluiceError `ORDER_STATE` at the first step that is no edge.
 */
export function walk(orderNo: string, ...way: readonly [OrderState, ...OrderState[]]): readonly OrderState[] {
  way.reduce((from, to) => advance(orderNo, from, to));
  return way;
}
