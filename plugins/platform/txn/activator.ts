/**
 * Bundle `platform.txn`: the money pipeline. Connects its parts to the database, the ledger, the audit, the calendar, the steps of its
 * slots and the entities they declare, and moves waiting orders on when their time comes.
 */
import { defineBundle, Data, Job, type BundleContext, type JobService, type Logger, type ServiceOf } from '@sluice/sdk';
import { EmbeddedLedger } from '@sluice/core-api';
import { AuditLog, Calendar } from '@sluice/operation-api';
import { Pipeline, PipelineEntity, PipelineStep, SLOTS, type PipelineEntityDefinition, type SlotName } from '@sluice/pipeline-api';
import { BatchRunner } from './adapters/batch.js';
import { EffectParts } from './adapters/effect-parts.js';
import { GatherSql } from './adapters/gather-sql.js';
import { OrderRows } from './adapters/order-rows.js';
import { randomPool } from './adapters/random-pool.js';
import { conditionFunction, txnMigrations, txnTables } from './adapters/schema.js';
import { presentView } from './domain/progress.js';
import { OrderExecutor } from './executor.js';
import type { PipelinePorts } from './ports.js';
import { OrderReversal } from './reversal.js';
import { RunningKeys } from './running-keys.js';
import { WaitingOrders } from './waiting-orders.js';

/** Configuration of this bundle, as its manifest describes it. */
interface TxnConfig {
  /** Milliseconds an order waits for somebody before it expires, when its step does not say otherwise. */
  readonly waitMs: number;
}

const DUE_EVERY_MS = 1_000;

export default defineBundle<TxnConfig>({
  provides: [Pipeline, Job],
  // Steps and entities are optional to the resolver: an empty slot answers "try again later" instead of stopping the pipeline.
  requires: [
    Data,
    EmbeddedLedger,
    AuditLog,
    Calendar,
    { contract: PipelineStep, optional: true },
    { contract: PipelineEntity, optional: true },
  ],

  async activate(context: BundleContext<TxnConfig>) {
    const data = context.reference(Data);
    await data.migrate(txnMigrations);
    const ledger = context.reference(EmbeddedLedger);
    const tables = txnTables((name) => data.table(name));
    const entities = trackEntities(context);
    const orders = new OrderRows(tables);
    const steps = new Map(SLOTS.map((slot) => [slot, context.optional(PipelineStep, { filter: `(slot=${slot})` })]));
    const pipeline = pipelineOf(
      {
        data,
        batch: new BatchRunner(data.dialect, conditionFunction(tables)),
        ledger,
        audit: context.reference(AuditLog),
        calendar: context.reference(Calendar),
        orders,
        gather: new GatherSql(tables, data.dialect, ledger, orders, entities),
        effects: new EffectParts(tables, ledger, entities),
        steps: (slot: SlotName) => steps.get(slot)?.get(),
        clock: context.clock,
        randomBytes: randomPool(),
        waitMs: () => context.config.waitMs,
      },
      context.log,
    );
    context.register(Pipeline, pipeline);
    context.register(Job, dueJob(pipeline));
  },
});

/** Entities by name, as they are now. */
function trackEntities(context: BundleContext<TxnConfig>): (name: string) => PipelineEntityDefinition | undefined {
  const known = new Map<number, PipelineEntityDefinition>();
  context.track(PipelineEntity, {
    added: (entity, view) => void known.set(view.id, entity),
    removed: (_entity, view) => void known.delete(view.id),
  });
  return (name) => [...known.values()].find((entity) => entity.name === name);
}

/** The service over its ports. */
export function pipelineOf(ports: PipelinePorts, log: Pick<Logger, 'warn'>): ServiceOf<typeof Pipeline> {
  const running = new RunningKeys(ports.clock);
  const executor = new OrderExecutor(ports, running);
  const reversal = new OrderReversal(ports, running);
  const waiting = new WaitingOrders(ports, log);
  return {
    submit: (request) => executor.submit(request),
    reverse: (request) => reversal.reverse(request),
    resume: (request) => waiting.resume(request),
    cancel: (request) => waiting.cancel(request),
    runDue: () => waiting.runDue(),
    find: async (orderNo) => {
      const { sql, values } = ports.orders.byNumber(orderNo);
      const row = (await ports.data.query(sql, values))[0];
      if (row === undefined) return null;
      const kept = ports.orders.read(row);
      return presentView(kept.answer, kept.state, kept.progress);
    },
    noteInvalid: async ({ channel, customerNo, function: subject, mistakes }) => {
      const at = ports.clock.now();
      await ports.audit.append({
        at,
        actor: customerNo,
        channel,
        action: 'order.invalid',
        subject,
        outcome: 'REFUSED',
        detail: { mistakes },
      });
      return null;
    },
  };
}

function dueJob(pipeline: Pick<ServiceOf<typeof Pipeline>, 'runDue'>): JobService {
  return { name: 'waiting-orders', schedule: { everyMs: DUE_EVERY_MS }, run: async () => void (await pipeline.runDue()) };
}
