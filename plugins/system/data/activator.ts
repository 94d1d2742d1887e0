/**
 * The data bundle: opens the one database of the system and gives each consumer bundle its own access to it. Owns the connections, the
 * units of work, the outbox and the tables `sluice_*`; leaves the delivery of events to the event bundle.
 */
import { join } from 'node:path';
import {
  BackupSource,
  Data,
  defineBundle,
  Framework,
  HealthCheck,
  Outbox,
  SluiceError,
  type BundleContext,
  type DataService,
  type ServiceFactory,
} from '@sluice/sdk';
import { BundleDataService, type DataServiceParts } from './adapters/data-service.js';
import type { Engine } from './adapters/engine.js';
import { databaseHealth } from './adapters/health.js';
import { SqlOutbox } from './adapters/outbox.js';
import { PostgresEngine } from './adapters/postgres/engine.js';
import { SharedExecutor } from './adapters/shared-executor.js';
import { SqliteEngine } from './adapters/sqlite/engine.js';
import { createSystemTables } from './adapters/system-tables.js';
import { Units } from './adapters/unit-of-work.js';
import { LiveConsumers } from './domain/live-consumers.js';
import { DEFAULT_SETTINGS, type DataSettings } from './domain/settings.js';

const SELF = 'system.data';

export default defineBundle<DataSettings>({
  provides: [Data, Outbox, HealthCheck, BackupSource],
  requires: [Framework],
  activate: start,
});

async function start(context: BundleContext<DataSettings>): Promise<void> {
  // Limits may change while the bundle runs; everything reads them from this one object.
  const settings: DataSettings = { ...DEFAULT_SETTINGS, ...context.config };
  const { clock, log } = context;
  const engine = await openEngine(context, settings);
  context.own('database', () => engine.close());

  const units = new Units({ engine, clock, settings, log });
  await units.run({ bundle: SELF, sequelize: null }, (unit) => createSystemTables(unit, engine.dialect), {
    statementTimeoutMs: settings.migrationTimeoutMs,
  });

  const consumers = new LiveConsumers();
  const contractAllowed = (bundle: string): boolean => settings.contractMigrations.includes(bundle) && consumers.versionsOf(bundle) <= 1;
  const parts: DataServiceParts = { engine, units, clock, settings, log, contractAllowed };
  const db = new SharedExecutor(SELF, engine, units);
  context.registerFactory(Data, 'bundle', serviceFactory(parts, consumers, context));
  context.register(Outbox, new SqlOutbox({ db, dialect: engine.dialect, clock, onEvents: (callback) => units.onEvents(callback) }));
  context.register(HealthCheck, databaseHealth({ engine, clock, settings }));
  context.register(BackupSource, { name: 'database', backup: (folder) => engine.backup(folder) });
  context.onConfigChange((config) => changeSettings(settings, config));
}

function openEngine(context: BundleContext<DataSettings>, settings: DataSettings): Promise<Engine> {
  const parts = { clock: context.clock, settings, log: context.log };
  if (settings.url !== '') return PostgresEngine.open(settings.url, parts);
  return SqliteEngine.open(join(context.reference(Framework).dataFolder('db'), settings.file), parts);
}

function serviceFactory(
  parts: DataServiceParts,
  consumers: LiveConsumers,
  context: BundleContext<DataSettings>,
): ServiceFactory<DataService> {
  return {
    getService(consumer) {
      consumers.add(consumer);
      return new BundleDataService(consumer.bundle, parts);
    },
    ungetService(consumer, service) {
      consumers.remove(consumer);
      (service as BundleDataService).close().catch((error: unknown) => {
        context.log.warn('a data service did not end cleanly', { bundle: consumer.bundle, error: String(error) });
      });
    },
  };
}

/** Limits take effect at once; the database itself cannot be changed under its consumers. */
function changeSettings(settings: DataSettings, config: DataSettings): void {
  for (const key of ['url', 'file'] as const) {
    if ((config[key] ?? DEFAULT_SETTINGS[key]) === settings[key]) continue;
    throw new SluiceError('DATA_SETTING_FIXED', `Setting '${key}' of bundle '${SELF}' cannot change while it runs`, {
      details: { key },
      remedy: 'Stop the system, move the data, change the setting, start the system.',
      httpStatus: 409,
    });
  }
  Object.assign(settings, DEFAULT_SETTINGS, config);
}
