/**
 * Orders that wait: they go on when the answer or their date comes, and end when the customer cancels, a step refuses or time runs out.
 * Always holds: while an order waits, amount and quoted fee are held; however it ends, what it held and what its steps took is free or
 * booked in the same transaction. UNKNOWN is not among them: no timer ends what only a core knows.
 */
import { SluiceError, codeOf, messageOf, type Logger, type UnitOfWork } from '@sluice/sdk';
import {
  PipelineErrors,
  type BusinessMoment,
  type CancelRequest,
  type ContinueRequest,
  type OrderState,
  type OrderView,
  type Outcome,
  type Refusal,
  type SlotName,
} from '@sluice/pipeline-api';
import type { OwnedPart } from './adapters/batch.js';
import type { KeptOrder } from './adapters/order-rows.js';
import { feeMinor, journalLegs, orderJournal, type AccountFacts } from './domain/booking.js';
import { concludeAll, decideAll, remaining, type Records, type SlotEffect, type SlotStep, type Verdict } from './domain/decide.js';
import { gatherPlan, type GatherPlan } from './domain/gather.js';
import { isWaiting, walk } from './domain/order-state.js';
import { DISPATCH, holdsFor, pauseOf, type Pause } from './domain/pause.js';
import { frozenLegs, presentView, type Progress, type WaitingProgress } from './domain/progress.js';
import { audited, eventsOf, momentOf, ORDER_TIMEOUT_MS, own, refusalOfFailure, type PipelinePorts } from './ports.js';
import { stepsOf } from './steps.js';

/** Orders looked at in one turn. */
const DUE_MAX = 200;

/** Who moves an order, for the audit. */
interface Mover {
  readonly actor: string;
  readonly channel: string;
  readonly action: 'order.resumed' | 'order.cancelled' | 'order.expired' | 'order.dispatched';
}

/** An order whose row is kept from others. */
interface Held {
  readonly kept: KeptOrder;
  readonly waiting: WaitingProgress;
  readonly moment: BusinessMoment;
  readonly steps: readonly SlotStep[];
}

const CLOCK: Pick<Mover, 'actor' | 'channel'> = { actor: 'clock', channel: 'system' };

/** Moves waiting orders on. */
export class WaitingOrders {
  constructor(
    private readonly ports: PipelinePorts,
    private readonly log: Pick<Logger, 'warn'>,
  ) {}

  /**
   * Hands an answer to the step that asked.
   * @throws SluiceError `ORDER_UNKNOWN`, `ORDER_STATE`, `CONTINUATION_INVALID` when another slot asked.
   */
  async resume({ orderNo, slot, answer, actor, channel }: ContinueRequest): Promise<OrderView> {
    const mover: Mover = { actor, channel, action: 'order.resumed' };
    return this.move(orderNo, mover, async (unit, held) => {
      const { expiresAt } = held.waiting.waiting;
      if (expiresAt !== null && expiresAt <= held.moment.at) {
        return this.end(unit, held, { ...mover, action: 'order.expired' }, 'EXPIRED', null);
      }
      if (held.waiting.waiting.slot !== slot || slot === DISPATCH) throw notAwaited(orderNo, slot, held.waiting.waiting.slot);
      return this.goOn(unit, held, mover, { slot: slot as SlotName, answer });
    });
  }

  /** Ends a waiting order on the wish of its customer. @throws SluiceError `ORDER_UNKNOWN`, `ORDER_STATE`. */
  async cancel({ orderNo, actor, channel }: CancelRequest): Promise<OrderView> {
    const mover: Mover = { actor, channel, action: 'order.cancelled' };
    return this.move(orderNo, mover, (unit, held) => this.end(unit, held, mover, 'CANCELLED', null), 'CANCELLED');
  }

  /** Executes what is due and ends what waited too long. One that fails is told, and tried again at the next turn. @returns how many moved. */
  async runDue(): Promise<number> {
    const at = this.ports.clock.now();
    // No calendar is more than a day ahead of the wall clock plus a day of cut-off; each order is judged by its own.
    const latestDate = new Date(at + 2 * DAY_MS).toISOString().slice(0, 10);
    const { sql, values } = this.ports.orders.due(at, latestDate, DUE_MAX);
    let moved = 0;
    for (const row of await this.ports.data.query(sql, values)) {
      const orderNo = row.order_no as string;
      try {
        if (await this.runOne(orderNo)) moved += 1;
      } catch (error) {
        // Somebody was faster: it has moved, which is what was wanted.
        if (codeOf(error) !== PipelineErrors.orderState) this.log.warn('waiting order not moved', { orderNo, reason: messageOf(error) });
      }
    }
    return moved;
  }

  private async runOne(orderNo: string): Promise<boolean> {
    let moved = true;
    const mover: Mover = { ...CLOCK, action: 'order.dispatched' };
    await this.move(orderNo, mover, (unit, held) => {
      const { expiresAt } = held.waiting.waiting;
      if (expiresAt !== null && expiresAt <= held.moment.at) {
        return this.end(unit, held, { ...CLOCK, action: 'order.expired' }, 'EXPIRED', null);
      }
      if (expiresAt === null && (held.kept.order.executeOn ?? '') <= held.moment.businessDate) return this.goOn(unit, held, mover, null);
      moved = false;
      return Promise.resolve(presentView(held.kept.answer, held.kept.state, held.kept.progress));
    });
    return moved;
  }

  /** Keeps the order from others and lets `work` move it. What the database refuses ends the order as REJECTED. */
  private async move(
    orderNo: string,
    mover: Mover,
    work: (unit: UnitOfWork, held: Held) => Promise<OrderView>,
    sameAnswerIn?: OrderState,
  ): Promise<OrderView> {
    const steps = stepsOf(this.ports.steps);
    const run = (then: (unit: UnitOfWork, held: Held) => Promise<OrderView>): Promise<OrderView> =>
      this.ports.data.unitOfWork(
        async (unit) => {
          const kept = await this.lock(unit, orderNo);
          if (kept.state === sameAnswerIn) return presentView(kept.answer, kept.state, kept.progress);
          return then(unit, heldOf(kept, steps, momentOf(this.ports, this.ports.clock.now(), kept.order.amount.currency)));
        },
        { timeoutMs: ORDER_TIMEOUT_MS },
      );
    try {
      return await run(work);
    } catch (error) {
      const refusal = refusalOfFailure(this.ports, error);
      if (refusal === undefined || refusal.code === PipelineErrors.orderState) throw error;
      return run((unit, held) => this.end(unit, held, mover, 'REJECTED', refusal));
    }
  }

  private async lock(unit: UnitOfWork, orderNo: string): Promise<KeptOrder> {
    const { sql, values } = this.ports.orders.locked(orderNo, this.ports.gather.dialect);
    const row = (await unit.query(sql, values))[0];
    if (row !== undefined) return this.ports.orders.read(row);
    throw new SluiceError(PipelineErrors.orderUnknown, `Order '${orderNo}' not moved: there is no such order`, {
      details: { orderNo },
      remedy: 'Check the order number.',
      httpStatus: 404,
    });
  }

  /** Lets the remaining steps decide; then the order is posted, waits again, or is rejected. */
  private async goOn(unit: UnitOfWork, held: Held, mover: Mover, answer: { slot: SlotName; answer: unknown } | null): Promise<OrderView> {
    const { kept, steps, moment, waiting } = held;
    const { order, records } = kept;
    const plan = this.planOf(held, answer === null ? [] : remaining(steps, answer.slot));
    const select = this.ports.gather.select('', '', plan);
    const { accounts, facts } = this.ports.gather.read(await unit.query(select.sql, select.values), plan);
    const verdict: Verdict =
      answer === null ? { go: true, records, effects: [] } : decideAll(steps, order, facts, moment, { ...answer, records });
    if ('go' in verdict && !verdict.go) return this.end(unit, held, mover, 'REJECTED', verdict.refusal);
    const pause = pauseOf(verdict, order, moment, this.ports.waitMs());
    const decided = [...waiting.legs, ...verdict.effects];
    if (pause !== null) return this.waitAgain(unit, held, mover, { ...verdict, pause, decided, accounts });
    return this.post(unit, held, mover, verdict.records, verdict.effects);
  }

  private async post(unit: UnitOfWork, held: Held, mover: Mover, records: Records, newEffects: readonly SlotEffect[]): Promise<OrderView> {
    const { ports } = this;
    const { kept, steps, moment, waiting } = held;
    const { order } = kept;
    const effects = [...newEffects, ...concludeAll(steps, order, 'posted', records)];
    const booked = [...waiting.legs, ...effects];
    const ended = { feeMinor: feeMinor(order, booked), refusal: null, businessDate: moment.businessDate };
    const legs = journalLegs(order, booked);
    return this.write(unit, held, { to: 'POSTED', way: walk(order.orderNo, kept.state, 'AUTHORISED', 'POSTED'), records, progress: { ended } }, [
      ...ports.effects.counters(order.orderNo, effects),
      ...this.releases(waiting),
      ...ports.ledger.post(orderJournal(order, legs, moment)).map((part) => ({ owner: 'core', part })),
      ...ports.effects.others(order.orderNo, effects),
    ], effects, mover, {}); // prettier-ignore
  }

  private async waitAgain(
    unit: UnitOfWork,
    held: Held,
    mover: Mover,
    next: { pause: Pause; records: Records; effects: readonly SlotEffect[]; decided: readonly SlotEffect[]; accounts: AccountFacts },
  ): Promise<OrderView> {
    const { ports } = this;
    const { kept, waiting } = held;
    const { order } = kept;
    const { pause, records, effects, decided } = next;
    const turn = waiting.turn + 1;
    const holds = holdsFor(order.orderNo, turn, journalLegs(order, decided), next.accounts);
    const progress: Progress = {
      waiting: {
        waiting: pause.waiting,
        feeMinor: feeMinor(order, decided),
        legs: frozenLegs(decided),
        holds: holds.map(({ holdId }) => holdId),
        turn,
      },
    };
    // To stay what it is, with a wrong answer counted, is no step along an edge.
    const way = pause.state === kept.state ? [kept.state] : walk(order.orderNo, kept.state, pause.state);
    const parts = [
      ...ports.effects.counters(order.orderNo, effects),
      ...this.releases(waiting),
      ...holds.map((hold) => ({ owner: 'core', part: ports.ledger.hold(hold) })),
      ...ports.effects.others(order.orderNo, effects),
    ];
    return this.write(unit, held, { to: pause.state, way, records, progress }, parts, effects, mover, { slot: pause.waiting.slot });
  }

  /** Ends the order without booking anything. */
  private async end(unit: UnitOfWork, held: Held, mover: Mover, to: keyof typeof OUTCOMES, refusal: Refusal | null): Promise<OrderView> {
    const { ports } = this;
    const { kept, steps, waiting, moment } = held;
    const { order, records } = kept;
    const effects = concludeAll(steps, order, OUTCOMES[to], records);
    const ended = { feeMinor: 0n, refusal, businessDate: moment.businessDate };
    const parts = [
      ...ports.effects.counters(order.orderNo, effects),
      ...this.releases(waiting),
      ...ports.effects.others(order.orderNo, effects),
    ];
    const detail = refusal === null ? {} : { slot: refusal.slot, code: refusal.code };
    const way = walk(order.orderNo, kept.state, to);
    return this.write(unit, held, { to, way, records, progress: { ended } }, parts, effects, mover, detail);
  }

  private async write(
    unit: UnitOfWork,
    { kept, moment }: Held,
    next: { to: OrderState; way: readonly OrderState[]; records: Records; progress: Progress },
    parts: readonly OwnedPart[],
    effects: readonly SlotEffect[],
    mover: Mover,
    detail: Readonly<Record<string, unknown>>,
  ): Promise<OrderView> {
    const { order } = kept;
    const { to, way, records, progress } = next;
    const { businessDate, at } = moment;
    const { actor, channel, action } = mover;
    const entry = { at, actor, channel, action, subject: order.orderNo, outcome: to, detail: { function: order.function, way, ...detail } };
    const row = own(this.ports.orders.move({ orderNo: order.orderNo, from: kept.state, to, records, progress, businessDate }));
    await this.ports.batch.run(unit, [row, ...parts, audited(this.ports, entry)], eventsOf(effects));
    return presentView(kept.answer, to, progress);
  }

  /** Accounts are locked as they are read, by number: releasing and booking touch them in another order. */
  private planOf({ kept, waiting }: Held, steps: readonly SlotStep[]): GatherPlan {
    const plan = gatherPlan(kept.order, steps);
    const accounts = new Set([...plan.accounts, ...waiting.legs.map(({ effect }) => effect.accountNo)]);
    return { ...plan, accounts: [...accounts].sort(), lockAccounts: true };
  }

  private releases({ holds }: WaitingProgress): readonly OwnedPart[] {
    return holds.map((holdId) => ({ owner: 'core', part: this.ports.ledger.release(holdId) }));
  }
}

const DAY_MS = 86_400_000;
const OUTCOMES = { REJECTED: 'refused', CANCELLED: 'cancelled', EXPIRED: 'expired' } as const satisfies Readonly<Record<string, Outcome>>;

/** @throws SluiceError `ORDER_STATE` for an order that does not wait. */
function heldOf(kept: KeptOrder, steps: readonly SlotStep[], moment: BusinessMoment): Held {
  const waiting = kept.progress?.waiting;
  if (isWaiting(kept.state) && waiting !== undefined) return { kept, waiting, moment, steps };
  const { orderNo } = kept.order;
  throw new SluiceError(PipelineErrors.orderState, `Order '${orderNo}' not moved: it is ${kept.state}, expected one that waits`, {
    details: { orderNo, found: kept.state, expected: 'a waiting state' },
    remedy: 'Look the order up again before acting on it.',
    httpStatus: 409,
  });
}

function notAwaited(orderNo: string, found: string, expected: string): SluiceError {
  return new SluiceError(
    PipelineErrors.continuationInvalid,
    `Order '${orderNo}' not moved: the answer is for '${found}', expected '${expected}'`,
    {
      details: { orderNo, found, expected },
      remedy: 'Answer what the order waits for.',
      httpStatus: 409,
    },
  );
}
