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
  messageOf,
  Outbox,
  SluiceError,
  type BundleContext,
  type DataService,
  type FrameworkService,
  type ServiceFactory,
} from '@sluice/sdk';
import { BundleDataService, type DataServiceParts } from './adapters/data-service.js';
import type { Engine } from './adapters/engine.js';
import { databaseHealth } from './adapters/health.js';
import { SqlOutbox } from './adapters/outbox.js';
import { PostgresEngine, type PostgresEngineParts } from './adapters/postgres/engine.js';
import { SharedExecutor } from './adapters/shared-executor.js';
import { SqliteEngine } from './adapters/sqlite/engine.js';
import { createSystemTables } from './adapters/system-tables.js';
import { Units } from './adapters/unit-of-work.js';
import { DEFAULT_SETTINGS, type DataClock, type DataSettings } from './domain/settings.js';

const SELF = 'system.data';
/** Of the data folder. A backup is named like it: what is restored must lie where it is opened. */
const FOLDER = 'db';

export default defineBundle<DataSettings>({
  provides: [Data, Outbox, HealthCheck, BackupSource],
  requires: [Framework],
  activate: start,
});

async function start(context: BundleContext<DataSettings>): Promise<void> {
  // Limits may change while the bundle runs; everything reads them from this one object.
  const settings: DataSettings = { ...DEFAULT_SETTINGS, ...context.config };
  const { log } = context;
  const clock = clockOf(context);
  const framework = context.reference(Framework);
  const engine = await openEngine(settings, { clock, settings, log }, framework);
  context.own('database', () => engine.close());

  const units = new Units({ engine, clock, settings, log });
  await units.run({ bundle: SELF, sequelize: null }, (unit) => createSystemTables(unit, engine.dialect), {
    statementTimeoutMs: settings.migrationTimeoutMs,
  });

  const parts: DataServiceParts = { engine, units, clock, settings, log, contractAllowed };
  const db = new SharedExecutor(SELF, engine, units);
  context.registerFactory(Data, 'bundle', serviceFactory(parts));
  context.register(Outbox, new SqlOutbox({ db, dialect: engine.dialect, clock, onEvents: (callback) => units.onEvents(callback) }));
  context.register(HealthCheck, databaseHealth({ engine, clock, settings }));
  context.register(BackupSource, { name: FOLDER, backup: (folder) => engine.backup(folder) });
  context.onConfigChange((config) => changeSettings(settings, config));

  /** A bundle that is active while it migrates is being swapped: the revision that is active still needs what a contract step removes. */
  function contractAllowed(bundle: string): boolean {
    if (!settings.contractMigrations.includes(bundle)) return false;
    return !framework.bundles().some((installed) => installed.symbolicName === bundle && installed.state === 'ACTIVE');
  }
}

/** The context's clock, except that a call which comes after the bundle has stopped is told so in the words of its caller. */
function clockOf({ clock }: BundleContext<DataSettings>): DataClock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    setTimeout(callback, delayMs) {
      try {
        return clock.setTimeout(callback, delayMs);
      } catch (error) {
        throw closedBundle(error);
      }
    },
  };
}

function openEngine(settings: DataSettings, parts: PostgresEngineParts, framework: FrameworkService): Promise<Engine> {
  if (settings.url !== '') return PostgresEngine.open(settings.url, parts);
  return SqliteEngine.open(join(framework.dataFolder(FOLDER), settings.file), parts);
}

function serviceFactory(parts: DataServiceParts): ServiceFactory<DataService> {
  return {
    getService: (consumer) => new BundleDataService(consumer.bundle, parts),
    ungetService(consumer, service) {
      (service as BundleDataService).close().catch((error: unknown) => {
        parts.log.warn('a data service did not end cleanly', { bundle: consumer.bundle, error: messageOf(error) });
      });
    },
  };
}

function closedBundle(cause: unknown): SluiceError {
  return new SluiceError('DATA_CLOSED', `The database cannot be used: this revision of '${SELF}' has stopped`, {
    remedy: 'Try again: the next call reaches the revision that took its place.',
    retryable: true,
    httpStatus: 503,
    cause,
  });
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
