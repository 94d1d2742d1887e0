/**
 * Bundle `platform.txn`: the money pipeline. Connects the executor to the database, the ledger, the steps of its slots and the
 * entities they declare.
 */
import { defineBundle, Data, type BundleContext, type ServiceOf } from '@sluice/sdk';
import { EmbeddedLedger } from '@sluice/core-api';
import { Pipeline, PipelineEntity, PipelineStep, SLOTS, type PipelineEntityDefinition, type SlotName } from '@sluice/pipeline-api';
import { BatchRunner } from './adapters/batch.js';
import { EffectParts } from './adapters/effect-parts.js';
import { GatherSql } from './adapters/gather-sql.js';
import { OrderRows } from './adapters/order-rows.js';
import { randomPool } from './adapters/random-pool.js';
import { conditionFunction, txnMigrations, txnTables } from './adapters/schema.js';
import { OrderExecutor } from './executor.js';
import type { PipelinePorts } from './ports.js';
import { OrderReversal } from './reversal.js';
import { RunningKeys } from './running-keys.js';

export default defineBundle({
  provides: [Pipeline],
  // Steps and entities are optional to the resolver: an empty slot answers "try again later" instead of stopping the pipeline.
  requires: [Data, EmbeddedLedger, { contract: PipelineStep, optional: true }, { contract: PipelineEntity, optional: true }],
  migrations: txnMigrations,

  async activate(context) {
    const data = context.reference(Data);
    await data.migrate(txnMigrations);
    const ledger = context.reference(EmbeddedLedger);
    const tables = txnTables((name) => data.table(name));
    const entities = trackEntities(context);
    const orders = new OrderRows(tables);
    const steps = new Map(SLOTS.map((slot) => [slot, context.optional(PipelineStep, { filter: `(slot=${slot})` })]));
    const ports: PipelinePorts = {
      data,
      batch: new BatchRunner(data.dialect, conditionFunction(tables)),
      ledger,
      orders,
      gather: new GatherSql(tables, data.dialect, ledger, orders, entities),
      effects: new EffectParts(tables, ledger, entities),
      steps: (slot: SlotName) => steps.get(slot)?.get(),
      clock: context.clock,
      randomBytes: randomPool(),
    };
    context.register(Pipeline, pipelineOf(ports));
  },
});

/** Entities by name, as they are now. */
function trackEntities(context: BundleContext): (name: string) => PipelineEntityDefinition | undefined {
  const known = new Map<number, PipelineEntityDefinition>();
  context.track(PipelineEntity, {
    added: (entity, view) => void known.set(view.id, entity),
    removed: (_entity, view) => void known.delete(view.id),
  });
  return (name) => [...known.values()].find((entity) => entity.name === name);
}

/** The service over its ports. */
export function pipelineOf(ports: PipelinePorts): ServiceOf<typeof Pipeline> {
  const running = new RunningKeys(ports.clock);
  const executor = new OrderExecutor(ports, running);
  const reversal = new OrderReversal(ports, running);
  return {
    submit: (request) => executor.submit(request),
    reverse: (request) => reversal.reverse(request),
    find: async (orderNo) => {
      const { sql, values } = ports.orders.byNumber(orderNo);
      const row = (await ports.data.query(sql, values))[0];
      if (row === undefined) return null;
      const kept = ports.orders.read(row);
      return { ...kept.answer, state: kept.state };
    },
  };
}
