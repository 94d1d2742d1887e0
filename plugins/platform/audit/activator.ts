/** Bundle `platform.audit`: the audit of all actions, and its sealer. */
import { defineBundle, Data, messageOf, type BundleContext } from '@sluice/sdk';
import { Audit, AuditLog } from '@sluice/operation-api';
import { AuditWriter } from './adapters/audit-log.js';
import { auditMigrations, auditTables } from './adapters/schema.js';
import { Sealer } from './adapters/sealer.js';

/** An entry is sealed at the latest by the second turn after its commit: within a second. */
const SEAL_EVERY_MS = 400;

export default defineBundle({
  provides: [Audit, AuditLog],
  requires: [Data],

  async activate(context: BundleContext) {
    const data = context.reference(Data);
    await data.migrate(auditMigrations);
    const tables = auditTables((name) => data.table(name));
    const sealer = new Sealer(data, tables);
    context.register(AuditLog, new AuditWriter(tables, data));
    context.register(Audit, sealer);
    sealRegularly(context, sealer);
  },
});

/** Seals until the bundle ends. A turn that fails (the database is away) is told, and the next one tries again. */
function sealRegularly(context: BundleContext, sealer: Sealer): void {
  let running: Promise<void> | undefined;
  const timer = context.clock.setInterval(() => {
    running ??= sealer.seal().then(
      () => void (running = undefined),
      (error: unknown) => {
        running = undefined;
        context.log.warn('audit entries not sealed, trying again', { reason: messageOf(error) });
      },
    );
  }, SEAL_EVERY_MS);
  context.own('sealer', async () => {
    timer.cancel();
    await running;
  });
}
