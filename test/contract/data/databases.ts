/**
 * Runs a suite on SQLite and on PostgreSQL, each test with a fresh database. PostgreSQL is taken from SLUICE_TEST_POSTGRES; where no
 * server answers the suite is shown as skipped, and with SLUICE_REQUIRE_SERVERS=1 it fails instead.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '@sluice/kernel/host/clock';
import pg from 'pg';
import { needServer, POSTGRES_URL } from '../../support/servers.js';
import { BundleDataService } from '../../../plugins/system/data/adapters/data-service.js';
import type { Engine } from '../../../plugins/system/data/adapters/engine.js';
import { PostgresEngine } from '../../../plugins/system/data/adapters/postgres/engine.js';
import { SqliteEngine } from '../../../plugins/system/data/adapters/sqlite/engine.js';
import { createSystemTables } from '../../../plugins/system/data/adapters/system-tables.js';
import { Units } from '../../../plugins/system/data/adapters/unit-of-work.js';
import { DEFAULT_SETTINGS, type DataClock, type DataSettings } from '../../../plugins/system/data/domain/settings.js';

let schemas = 0;

/** What a test asks of its database. */
export interface OpenOptions {
  readonly settings?: Partial<DataSettings>;
  readonly clock?: DataClock;
  readonly random?: () => number;
}

/** An open database without a kernel around it. */
export interface TestDatabase {
  readonly dialect: 'sqlite' | 'postgres';
  readonly engine: Engine;
  readonly units: Units;
  readonly warnings: string[];
  /** The service of one consumer; closed with the database. */
  service(bundle: string): BundleDataService;
  /** The service of one consumer, which the test closes itself. */
  ownService(bundle: string): BundleDataService;
  /** Lets contract migrations of all bundles run. */
  allowContract(): void;
  close(): Promise<void>;
}

/** A place for a database: a file, or a schema of its own. */
export interface Place {
  readonly dialect: 'sqlite' | 'postgres';
  /** The file on SQLite, the schema on PostgreSQL. */
  readonly name: string;
  open(options?: OpenOptions): Promise<TestDatabase>;
  dispose(): Promise<void>;
}

/** Defines a suite for both databases. `fresh` opens a database for the running test and closes it afterwards. */
export function onEachDatabase(
  title: string,
  define: (fresh: (options?: OpenOptions) => Promise<TestDatabase>, place: () => Place) => void,
): void {
  for (const dialect of ['sqlite', 'postgres'] as const) {
    describe(`${title} (${dialect})`, function () {
      this.timeout(20_000);
      let place: Place;
      const opened: TestDatabase[] = [];
      before(async function () {
        if (dialect === 'postgres') await needServer(this, 'PostgreSQL', POSTGRES_URL);
      });
      beforeEach(async () => void (place = dialect === 'sqlite' ? sqlitePlace() : await postgresPlace()));
      afterEach(async () => {
        for (const database of opened.splice(0)) await database.close();
        await place.dispose();
      });
      define(
        async (options) => {
          const database = await place.open(options);
          opened.push(database);
          return database;
        },
        () => place,
      );
    });
  }
}

/** A SQLite file in a folder of its own. */
export function sqlitePlace(): Place {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-data-'));
  const file = join(folder, 'bank.sqlite');
  return {
    dialect: 'sqlite',
    name: file,
    open: (options) => openPlace('sqlite', file, options),
    dispose: () => Promise.resolve(rmSync(folder, { recursive: true, force: true })),
  };
}

/** A schema of its own on the test server. */
export async function postgresPlace(): Promise<Place> {
  const schema = `sluice_test_${process.pid}_${++schemas}`;
  await onServer(`CREATE SCHEMA ${schema}`);
  return {
    dialect: 'postgres',
    name: schema,
    open: (options) => openPlace('postgres', schema, options),
    dispose: () => onServer(`DROP SCHEMA ${schema} CASCADE`),
  };
}

/** The words of a promise's rejection, or `fulfilled`. */
export async function codeOfRejection(running: Promise<unknown>): Promise<string> {
  try {
    await running;
    return 'fulfilled';
  } catch (error) {
    return String((error as { code?: unknown }).code ?? (error as Error).message);
  }
}

/** Opens a place that exists, also from another process. */
export function openPlace(dialect: Place['dialect'], name: string, options: OpenOptions = {}): Promise<TestDatabase> {
  return openDatabase(options, (parts) =>
    dialect === 'sqlite' ? SqliteEngine.open(name, parts) : PostgresEngine.open(POSTGRES_URL, parts, name),
  );
}

type EngineParts = Parameters<typeof SqliteEngine.open>[1];

async function openDatabase(options: OpenOptions, open: (parts: EngineParts) => Promise<Engine>): Promise<TestDatabase> {
  const clock = options.clock ?? new SystemClock();
  const settings: DataSettings = { ...DEFAULT_SETTINGS, ...options.settings };
  const warnings: string[] = [];
  const log = { info: () => undefined, warn: (message: string) => void warnings.push(message) };
  const engine = await open({ clock, settings, log });
  const units = new Units({ engine, clock, settings, log, ...(options.random === undefined ? {} : { random: options.random }) });
  await units.run({ bundle: 'system.data', sequelize: null }, (unit) => createSystemTables(unit, engine.dialect));
  const services: BundleDataService[] = [];
  let contract = false;
  let closed: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    for (const service of services) await service.close();
    await engine.close();
  };
  const ownService = (bundle: string): BundleDataService =>
    new BundleDataService(bundle, { engine, units, clock, settings, log, contractAllowed: () => contract });
  return {
    dialect: engine.dialect,
    engine,
    units,
    warnings,
    service(bundle) {
      const service = ownService(bundle);
      services.push(service);
      return service;
    },
    ownService,
    allowContract: () => void (contract = true),
    close: () => (closed ??= close()),
  };
}

async function onServer(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: POSTGRES_URL, connectionTimeoutMillis: 2_000 });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
