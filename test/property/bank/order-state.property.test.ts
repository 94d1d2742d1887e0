import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { ORDER_STATES, WAIT_STATES, type OrderState } from '@sluice/pipeline-api';
import { advance, isTerminal, ORDER_EDGES } from '../../../plugins/platform/txn/domain/order-state.js';

/** The edges as the requirements list them, written down a second time on purpose. */
const REQUIRED: readonly (readonly [from: OrderState, to: OrderState])[] = [
  ...(['REJECTED', 'AUTHORISED', ...WAIT_STATES] as const).map((to) => ['RECEIVED', to] as const),
  ...WAIT_STATES.flatMap((from) => [
    ...WAIT_STATES.filter((to) => to !== from).map((to) => [from, to] as const),
    ...(['AUTHORISED', 'REJECTED', 'CANCELLED', 'EXPIRED'] as const).map((to) => [from, to] as const),
  ]),
  ...(['POSTED', 'SENT_TO_CORE', 'REJECTED'] as const).map((to) => ['AUTHORISED', to] as const),
  ...(['POSTED', 'REJECTED', 'REVERSED', 'UNKNOWN'] as const).map((to) => ['SENT_TO_CORE', to] as const),
  ...(['POSTED', 'REJECTED', 'REVERSED'] as const).map((to) => ['UNKNOWN', to] as const),
  ['POSTED', 'REVERSED'],
];

const state = fc.constantFrom(...ORDER_STATES);

describe('states of an order', () => {
  it('has the required edges and no other', () => {
    const wanted = new Set(REQUIRED.map(([from, to]) => `${from}>${to}`));
    const found = new Set(ORDER_STATES.flatMap((from) => ORDER_EDGES[from].map((to) => `${from}>${to}`)));
    assert.deepEqual([...found].sort(), [...wanted].sort());
  });

  it('a random walk visits only edges, and never leaves a terminal state', () => {
    fc.assert(
      fc.property(fc.array(state, { maxLength: 30 }), (wishes) => {
        let at: OrderState = 'RECEIVED';
        for (const wish of wishes) {
          const from: OrderState = at;
          if (REQUIRED.some(([edgeFrom, to]) => edgeFrom === from && to === wish)) at = advance('O', from, wish);
          else assert.throws(() => advance('O', from, wish), { code: 'ORDER_STATE', httpStatus: 409 });
        }
      }),
    );
  });

  it('ends in four states', () => {
    assert.deepEqual(
      ORDER_STATES.filter((candidate) => isTerminal(candidate)),
      ['REJECTED', 'CANCELLED', 'EXPIRED', 'REVERSED'],
    );
  });
});
