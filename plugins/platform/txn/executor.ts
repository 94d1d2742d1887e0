/**
 * The executor of orders: the only place where a transaction for a new order is open.
 * Gathers facts in one statement, lets the steps decide by value, writes order, key, records, effects and audit in one batch,
 * and commits: two round trips to PostgreSQL for all of it. While the transaction is open nothing but the database is awaited.
 * Leaves to others: rules (steps), books (ledger), orders that wait (waiting-orders.ts), what a function means (business bundles).
 * Always holds: one effect per channel and key; a refused order keeps its answer; what fails for technical reasons uses no key.
 */
import type { UnitOfWork } from '@sluice/sdk';
import type { BusinessMoment, Order, OrderRequest, OrderState, OrderView, Refusal, SubmitResult } from '@sluice/pipeline-api';
import type { OwnedPart } from './adapters/batch.js';
import type { KeptOrder } from './adapters/order-rows.js';
import { accountMistakes, feeMinor, journalLegs, ledgerRefusal, orderJournal, type AccountFacts } from './domain/booking.js';
import { concludeAll, decideAll, type Records, type SlotStep, type Verdict } from './domain/decide.js';
import { gatherPlan, type GatherPlan } from './domain/gather.js';
import { requestHash } from './domain/identity.js';
import { isWaiting, walk } from './domain/order-state.js';
import { holdsFor, pauseOf, type Pause } from './domain/pause.js';
import { frozenLegs } from './domain/progress.js';
import { orderOf, viewOf } from './domain/views.js';
import {
  audited,
  eventsOf,
  isKeyConflict,
  momentOf,
  newIdentity,
  ORDER_TIMEOUT_MS,
  own,
  refusalOfFailure,
  type PipelinePorts,
} from './ports.js';
import { keyReused, type RunningKeys } from './running-keys.js';
import { stepsOf } from './steps.js';

/** One order on its way through the pipeline. */
interface Run {
  readonly request: OrderRequest;
  readonly hash: string;
  readonly order: Order;
  readonly moment: BusinessMoment;
  readonly steps: readonly SlotStep[];
  readonly plan: GatherPlan;
}

type Passed = Exclude<Verdict, { go: false }>;

/** Executes orders. */
export class OrderExecutor {
  constructor(
    private readonly ports: PipelinePorts,
    private readonly running: RunningKeys,
  ) {}

  /** Executes an order once per channel and key. */
  async submit(request: OrderRequest): Promise<SubmitResult> {
    const hash = requestHash(request);
    return this.running.once(request.channel, request.key, hash, () => this.execute(request, hash));
  }

  private async execute(request: OrderRequest, hash: string): Promise<SubmitResult> {
    const steps = stepsOf(this.ports.steps);
    const { at, orderNo } = newIdentity(this.ports);
    const order = orderOf(request, orderNo);
    const moment = momentOf(this.ports, at, order.amount.currency);
    const run: Run = { request, hash, order, moment, steps, plan: gatherPlan(order, steps) };
    try {
      return await this.ports.data.unitOfWork((unit) => this.attempt(unit, run), { timeoutMs: ORDER_TIMEOUT_MS });
    } catch (error) {
      if (isKeyConflict(error)) return this.replay(request, hash, error);
      const refusal = refusalOfFailure(this.ports, error);
      if (refusal === undefined) throw error;
      return this.recordRefusal(run, refusal);
    }
  }

  /** The whole order in one transaction. May run again after a serialisation failure: it changes nothing outside the unit. */
  private async attempt(unit: UnitOfWork, run: Run): Promise<SubmitResult> {
    const { ports } = this;
    const { request, order, moment, steps, plan } = run;
    const select = ports.gather.select(request.channel, request.key, plan);
    const { kept, accounts, facts } = ports.gather.read(await unit.query(select.sql, select.values), plan);
    if (kept !== null) return replayed(kept, run.hash, request);

    const mistakes = accountMistakes(order, accounts);
    if (mistakes.length > 0) return { outcome: 'invalid', mistakes: [...mistakes] };

    const verdict = decideAll(steps, order, facts, moment);
    if ('go' in verdict && !verdict.go) return this.writeRefused(unit, run, verdict.refusal, verdict.records);
    const pause = pauseOf(verdict, order, moment, ports.waitMs());
    return pause === null ? this.writePosted(unit, run, verdict, accounts) : this.writeWaiting(unit, run, verdict, pause, accounts);
  }

  private async writePosted(unit: UnitOfWork, run: Run, verdict: Passed, accounts: AccountFacts): Promise<SubmitResult> {
    const { ports } = this;
    const { request, order, moment, steps } = run;
    const effects = [...verdict.effects, ...concludeAll(steps, order, 'posted', verdict.records)];
    const legs = journalLegs(order, effects);
    const refusal = ledgerRefusal(legs, accounts);
    if (refusal !== null) return this.writeRefused(unit, run, refusal, verdict.records);

    const way = walk(order.orderNo, 'RECEIVED', 'AUTHORISED', 'POSTED');
    const view = viewOf(order, moment, request.servedBy, { state: 'POSTED', feeMinor: feeMinor(order, effects), refusal: null });
    await ports.batch.run(
      unit,
      [
        this.row(run, view, verdict.records),
        ...ports.effects.counters(order.orderNo, effects),
        ...ports.ledger.post(orderJournal(order, legs, moment)).map((part) => ({ owner: 'core', part })),
        ...ports.effects.others(order.orderNo, effects),
        this.audit(run, way, {}),
      ],
      eventsOf(effects),
    );
    return { outcome: 'posted', replay: false, order: view };
  }

  /** Accepts an order that waits: what the steps took is taken, amount and fee are held, legs are kept for later. */
  private async writeWaiting(unit: UnitOfWork, run: Run, verdict: Passed, pause: Pause, accounts: AccountFacts): Promise<SubmitResult> {
    const { ports } = this;
    const { request, order, moment } = run;
    const { effects, records } = verdict;
    const legs = journalLegs(order, effects);
    const refusal = ledgerRefusal(legs, accounts);
    if (refusal !== null) return this.writeRefused(unit, run, refusal, records);

    const { state, waiting } = pause;
    const way = walk(order.orderNo, 'RECEIVED', state);
    const fee = feeMinor(order, effects);
    const holds = holdsFor(order.orderNo, 1, legs, accounts);
    const view = viewOf(order, moment, request.servedBy, { state, feeMinor: fee, refusal: null, waiting });
    const progress = { waiting: { waiting, feeMinor: fee, legs: frozenLegs(effects), holds: holds.map(({ holdId }) => holdId), turn: 1 } };
    await ports.batch.run(
      unit,
      [
        own(ports.orders.insert({ order, key: request.key, hash: run.hash, records, view, progress })),
        ...ports.effects.counters(order.orderNo, effects),
        ...holds.map((hold) => ({ owner: 'core', part: ports.ledger.hold(hold) })),
        ...ports.effects.others(order.orderNo, effects),
        this.audit(run, way, { slot: waiting.slot }),
      ],
      eventsOf(effects),
    );
    return { outcome: 'waiting', replay: false, order: view };
  }

  /** Keeps a refused order and its answer under its key. */
  private async writeRefused(unit: UnitOfWork, run: Run, refusal: Refusal, records: Records): Promise<SubmitResult> {
    const { order, request, moment } = run;
    const way = walk(order.orderNo, 'RECEIVED', 'REJECTED');
    const view = viewOf(order, moment, request.servedBy, { state: 'REJECTED', feeMinor: 0n, refusal });
    const { slot, code } = refusal;
    await this.ports.batch.run(unit, [this.row(run, view, records), this.audit(run, way, { slot, code })], []);
    return { outcome: 'refused', replay: false, order: view };
  }

  /** After a condition failed inside the batch, all of it was undone; the refusal is written in a small transaction of its own. */
  private async recordRefusal(run: Run, refusal: Refusal): Promise<SubmitResult> {
    try {
      return await this.ports.data.unitOfWork((unit) => this.writeRefused(unit, run, refusal, {}), { timeoutMs: ORDER_TIMEOUT_MS });
    } catch (error) {
      if (isKeyConflict(error)) return this.replay(run.request, run.hash, error);
      throw error;
    }
  }

  /** Another process was faster with the same key: its answer is the answer. */
  private async replay(request: OrderRequest, hash: string, conflict: unknown): Promise<SubmitResult> {
    const { sql, values } = this.ports.orders.byKey(request.channel, request.key);
    const row = (await this.ports.data.query(sql, values))[0];
    if (row === undefined) throw conflict;
    return replayed(this.ports.orders.read(row), hash, request);
  }

  private row({ order, request, hash }: Run, view: OrderView, records: Records): OwnedPart {
    return own(this.ports.orders.insert({ order, key: request.key, hash, records, view, progress: null }));
  }

  private audit({ order, moment }: Run, way: readonly OrderState[], detail: Readonly<Record<string, unknown>>): OwnedPart {
    return audited(this.ports, {
      at: moment.at,
      actor: order.customerNo,
      channel: order.channel,
      action: 'order.submitted',
      subject: order.orderNo,
      outcome: way.at(-1) as OrderState,
      detail: { function: order.function, amount: order.amount, way, ...detail },
    });
  }
}

/** The kept answer, for the same request only. */
export function replayed(kept: KeptOrder, hash: string, request: { readonly channel: string; readonly key: string }): SubmitResult {
  if (kept.hash !== hash) throw keyReused(request.channel, request.key);
  const { answer } = kept;
  const outcome = answer.refusal !== null ? 'refused' : isWaiting(answer.state) ? 'waiting' : 'posted';
  return { outcome, replay: true, order: answer };
}
