/**
 * The executor of orders: the only place where a transaction for an order is open.
 * Gathers facts in one statement, lets the steps decide by value, writes order, key, records, effects and audit in one batch,
 * and commits: two round trips to PostgreSQL for all of it. While the transaction is open nothing but the database is awaited.
 * Leaves to others: rules (steps), books (ledger), what a function means (business bundles), how it looks (channels).
 * Always holds: one effect per channel and key; a refused order keeps its answer; what fails for technical reasons uses no key.
 */
import type { UnitOfWork } from '@sluice/sdk';
import type { BusinessMoment, Order, OrderRequest, Refusal, SubmitResult } from '@sluice/pipeline-api';
import type { OwnedPart } from './adapters/batch.js';
import type { KeptOrder } from './adapters/order-rows.js';
import { accountMistakes, feeMinor, journalLegs, ledgerRefusal, orderJournal } from './domain/booking.js';
import { concludeAll, decideAll, type Records, type SlotStep } from './domain/decide.js';
import { gatherPlan, type GatherPlan } from './domain/gather.js';
import { ORDER_RANDOM_BYTES, requestHash } from './domain/identity.js';
import { orderOf, postedView, refusedView } from './domain/views.js';
import { eventsOf, isKeyConflict, newIdentity, ORDER_TIMEOUT_MS, refusalOfFailure, type PipelinePorts } from './ports.js';
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
    const { moment, orderNo } = newIdentity(this.ports, ORDER_RANDOM_BYTES);
    const order = orderOf(request, orderNo);
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
    if (!verdict.go) return this.writeRefused(unit, run, verdict.refusal, verdict.records);
    const effects = [...verdict.effects, ...concludeAll(steps, order, 'posted', verdict.records)];
    const legs = journalLegs(order, effects);
    const refusal = ledgerRefusal(legs, accounts);
    if (refusal !== null) return this.writeRefused(unit, run, refusal, verdict.records);

    const view = postedView(order, moment, request.servedBy, feeMinor(order, effects));
    await ports.batch.run(
      unit,
      [
        own(ports.orders.insert({ order, key: request.key, hash: run.hash, records: verdict.records, view })),
        ...ports.effects.counters(order.orderNo, effects),
        ...ports.ledger.post(orderJournal(order, legs, moment)).map((part) => ({ owner: 'core', part })),
        ...ports.effects.others(order.orderNo, effects),
        own(this.audit(run, view.state, {})),
      ],
      eventsOf(effects),
    );
    return { outcome: 'posted', replay: false, order: view };
  }

  /** Keeps a refused order and its answer under its key. */
  private async writeRefused(unit: UnitOfWork, run: Run, refusal: Refusal, records: Records): Promise<SubmitResult> {
    const { order, request, hash, moment } = run;
    const view = refusedView(order, moment, request.servedBy, refusal);
    await this.ports.batch.run(
      unit,
      [
        own(this.ports.orders.insert({ order, key: request.key, hash, records, view })),
        own(this.audit(run, view.state, { slot: refusal.slot, code: refusal.code })),
      ],
      [],
    );
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

  private audit({ order, moment }: Run, outcome: string, detail: Readonly<Record<string, unknown>>): OwnedPart['part'] {
    return this.ports.orders.audit({
      at: moment.at,
      actor: order.customerNo,
      channel: order.channel,
      action: 'order.submitted',
      orderNo: order.orderNo,
      outcome,
      detail: { function: order.function, amount: order.amount, ...detail },
    });
  }
}

/** The kept answer, for the same request only. */
export function replayed(kept: KeptOrder, hash: string, request: { readonly channel: string; readonly key: string }): SubmitResult {
  if (kept.hash !== hash) throw keyReused(request.channel, request.key);
  return { outcome: kept.answer.refusal === null ? 'posted' : 'refused', replay: true, order: kept.answer };
}

function own(part: OwnedPart['part']): OwnedPart {
  return { owner: 'pipeline', part };
}
