/** Whatever happens at a gate: never more inside than allowed, nobody forgotten, nobody let in twice. */
import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { Gate, type Waiter } from '../../../plugins/system/http/domain/gate.js';

type Step = 'arrive' | 'leave' | 'give up';

describe('gate', () => {
  it('keeps its limits under any order of arrivals, departures and resignations', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 0, max: 3 }),
        fc.array(fc.constantFrom<Step>('arrive', 'leave', 'give up'), { maxLength: 60 }),
        (max, queueMax, steps) => {
          const gate = new Gate();
          const queue: Waiter[] = [];
          let inside = 0;
          let served = 0;
          let refused = 0;
          let resigned = 0;
          let arrived = 0;
          const enter = (): void => {
            assert.equal(gate.hasRoom(max), true);
            gate.enter();
            inside += 1;
            served += 1;
          };
          const arrive = (): void => {
            arrived += 1;
            if (gate.hasRoom(max)) return enter();
            const waiter: Waiter = {
              resume: () => {
                // In order of arrival.
                assert.equal(queue.shift(), waiter);
                enter();
              },
            };
            if (gate.wait(waiter, queueMax)) queue.push(waiter);
            else refused += 1;
          };
          for (const step of steps) {
            if (step === 'arrive') arrive();
            else if (step === 'leave' && inside > 0) {
              inside -= 1;
              gate.leave();
            } else if (step === 'give up' && queue.length > 0) {
              const [waiter] = queue.splice(0, 1);
              if (waiter !== undefined) gate.giveUp(waiter);
              resigned += 1;
            }
            assert.deepEqual([gate.active, gate.waiting], [inside, queue.length]);
            assert.ok(inside <= max && queue.length <= queueMax);
            assert.ok(queue.length === 0 || inside === max, 'somebody waits although there is room');
          }
          assert.equal(arrived, served + refused + resigned + queue.length);
        },
      ),
    );
  });
});
