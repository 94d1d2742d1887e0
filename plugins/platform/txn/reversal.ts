/**
 * Undoes a posted order whole: its legs (fees included) by a journal of its own, and what its steps took.
 * Always holds: an order is reversed once, never in part, never after it ended otherwise; asked again, the answer is the first one.
 */
import { SluiceError, type SqlRow, type UnitOfWork } from '@sluice/sdk';
import type { SqlSelect } from '@sluice/core-api';
import { PipelineErrors, type Order, type Refusal, type ReverseRequest, type SubmitResult } from '@sluice/pipeline-api';
import type { OwnedPart } from './adapters/batch.js';
import type { KeptOrder } from './adapters/order-rows.js';
import { journalLegs, orderJournal } from './domain/booking.js';
import { concludeAll, type SlotStep } from './domain/decide.js';
import { reversalHash } from './domain/identity.js';
import { walk } from './domain/order-state.js';
import { reversalOrderOf, viewOf } from './domain/views.js';
import { replayed } from './executor.js';
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
import type { RunningKeys } from './running-keys.js';
import { stepsOf } from './steps.js';

interface Run {
  readonly request: ReverseRequest;
  readonly hash: string;
  readonly orderNo: string;
  readonly at: number;
  readonly steps: readonly SlotStep[];
}

interface Found {
  readonly byKey: KeptOrder | null;
  readonly original: KeptOrder | null;
  readonly reversal: KeptOrder | null;
  readonly legRows: readonly SqlRow[];
}

/** Reverses orders. */
export class OrderReversal {
  constructor(
    private readonly ports: PipelinePorts,
    private readonly running: RunningKeys,
  ) {}

  /** Reverses an order once. */
  async reverse(request: ReverseRequest): Promise<SubmitResult> {
    const hash = reversalHash(request.channel, request.orderNo);
    return this.running.once(request.channel, request.key, hash, () => this.execute(request, hash));
  }

  private async execute(request: ReverseRequest, hash: string): Promise<SubmitResult> {
    const run: Run = { request, hash, steps: stepsOf(this.ports.steps), ...newIdentity(this.ports) };
    const unitOf = (work: (unit: UnitOfWork) => Promise<SubmitResult>): Promise<SubmitResult> =>
      this.ports.data.unitOfWork(work, { timeoutMs: ORDER_TIMEOUT_MS });
    try {
      return await unitOf((unit) => this.attempt(unit, run));
    } catch (error) {
      // Another process used the key, or reversed the order, an instant ago: look again, its answer is the answer.
      if (isKeyConflict(error) || isReversedMeanwhile(this.ports, error)) return unitOf((unit) => this.attempt(unit, run));
      const refusal = refusalOfFailure(this.ports, error);
      if (refusal === undefined) throw error;
      return unitOf((unit) => this.writeRefused(unit, run, refusal));
    }
  }

  private async attempt(unit: UnitOfWork, run: Run): Promise<SubmitResult> {
    const { ports } = this;
    const { request, hash, orderNo, at, steps } = run;
    const found = await this.find(unit, request);
    if (found.byKey !== null) return replayed(found.byKey, hash, request);
    const original = requireReversible(found.original, request.orderNo);
    if (found.reversal !== null) return { outcome: 'posted', replay: true, order: found.reversal.answer };
    walk(request.orderNo, original.state, 'REVERSED');

    const order = reversalOrderOf(original.order, request, orderNo);
    const effects = concludeAll(steps, original.order, 'reversed', original.records);
    const legs = [...found.legRows.map((row) => ports.ledger.leg(row)).map((leg) => ({ ...leg, amountMinor: -leg.amountMinor }))];
    // A reversal books on its own date, whatever date the original stands on.
    const moment = momentOf(ports, at, order.amount.currency);
    const view = viewOf(order, moment, request.servedBy, { state: 'POSTED', feeMinor: 0n, refusal: null });
    const journal = orderJournal(order, [...legs, ...journalLegs({ booking: [] }, effects)], moment);
    await ports.batch.run(
      unit,
      [
        own(ports.orders.markReversed(request.orderNo)),
        own(ports.orders.insert({ order, key: request.key, hash, records: {}, view, progress: null })),
        // What the original took is given back under the original's number.
        ...ports.effects.counters(request.orderNo, effects),
        ...ports.ledger.post({ ...journal, kind: 'REVERSAL', reverses: request.orderNo }).map((part) => ({ owner: 'core', part })),
        ...ports.effects.others(orderNo, effects),
        this.audit(run, view.state, {}),
      ],
      eventsOf(effects),
    );
    return { outcome: 'posted', replay: false, order: view };
  }

  /** Funds are gone, or an account was closed: the original stays posted, the refusal is kept under the key. */
  private async writeRefused(unit: UnitOfWork, run: Run, refusal: Refusal): Promise<SubmitResult> {
    const { request, hash, orderNo, at } = run;
    const found = await this.find(unit, request);
    if (found.byKey !== null) return replayed(found.byKey, hash, request);
    const order: Order = reversalOrderOf(requireReversible(found.original, request.orderNo).order, request, orderNo);
    const moment = momentOf(this.ports, at, order.amount.currency);
    const view = viewOf(order, moment, request.servedBy, { state: 'REJECTED', feeMinor: 0n, refusal });
    await this.ports.batch.run(
      unit,
      [
        own(this.ports.orders.insert({ order, key: request.key, hash, records: {}, view, progress: null })),
        this.audit(run, view.state, { slot: refusal.slot, code: refusal.code }),
      ],
      [],
    );
    return { outcome: 'refused', replay: false, order: view };
  }

  private async find(unit: UnitOfWork, request: ReverseRequest): Promise<Found> {
    const { orders, ledger } = this.ports;
    const branches: readonly (readonly [string, SqlSelect])[] = [
      ['key', orders.byKey(request.channel, request.key)],
      ['original', orders.byNumber(request.orderNo)],
      ['reversal', orders.reversalOf(request.orderNo)],
    ];
    const rows = await unit.query(
      branches.map(([fact, { sql }]) => `SELECT '${fact}' AS fact, b_${fact}.* FROM (${sql}) AS b_${fact}`).join(' UNION ALL '),
      branches.flatMap(([, { values }]) => values),
    );
    const legs = ledger.legRows(request.orderNo);
    const pick = (fact: string): KeptOrder | null => {
      const row = rows.find((candidate) => candidate.fact === fact);
      return row === undefined ? null : orders.read(row);
    };
    return { byKey: pick('key'), original: pick('original'), reversal: pick('reversal'), legRows: await unit.query(legs.sql, legs.values) };
  }

  private audit({ request, orderNo, at }: Run, outcome: string, detail: Readonly<Record<string, unknown>>): OwnedPart {
    return audited(this.ports, {
      at,
      actor: request.actor,
      channel: request.channel,
      action: 'order.reversed',
      subject: orderNo,
      outcome,
      detail: { original: request.orderNo, reason: request.reason, ...detail },
    });
  }
}

function requireReversible(original: KeptOrder | null, orderNo: string): KeptOrder {
  if (original === null) {
    throw new SluiceError(PipelineErrors.orderUnknown, `Order '${orderNo}' not reversed: there is no such order`, {
      details: { orderNo },
      remedy: 'Check the order number.',
      httpStatus: 404,
    });
  }
  if (original.order.function === 'order.reversal') {
    throw new SluiceError(PipelineErrors.orderState, `Order '${orderNo}' not reversed: it is a reversal itself`, {
      details: { orderNo, original: original.order.parentOrderNo },
      remedy: 'Make a new order instead.',
      httpStatus: 409,
    });
  }
  return original;
}

/** Losing a race against another reversal shows as a state that moved on, or as a second journal for the same original. */
function isReversedMeanwhile(ports: PipelinePorts, error: unknown): boolean {
  const message = error instanceof Error ? error.message : '';
  if (ports.ledger.refusalOf(message)?.code === 'JOURNAL_ALREADY_REVERSED') return true;
  return refusalOfFailure(ports, error)?.code === PipelineErrors.orderState || message.includes('platform_txn_order_reversal');
}
