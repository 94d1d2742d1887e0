/**
 * Applies the migrations of one bundle: all pending steps, their records and their checks in one transaction. Either every step of a
 * call is there or none, also after a crash in the middle. Steps run through umzug; what is pending is decided by the pure plan.
 */
import { createHash } from 'node:crypto';
import { SluiceError, type Logger, type Migration, type MigrationExecutor, type SqlRow, type SqlValue, type UnitOfWork } from '@sluice/sdk';
import type { DataClock } from '../domain/settings.js';
import { contractingReason, planMigrations, tableOf, type AppliedMigration, type MigrationPlan } from '../domain/migration-plan.js';
import type { Dialect } from '../domain/scan.js';
import { excerpt } from '../domain/statement.js';
import { checkOwned, tableName } from '../domain/table-names.js';
import { lockSchema } from './system-tables.js';

interface MigratorParts {
  readonly bundle: string;
  readonly dialect: Dialect;
  readonly clock: Pick<DataClock, 'now'>;
  readonly log: Pick<Logger, 'info'>;
}

/** Applies pending steps inside a unit of work and returns their names. */
export async function applyMigrations(
  parts: MigratorParts,
  unit: UnitOfWork,
  migrations: readonly Migration[],
  contractAllowed: boolean,
): Promise<readonly string[]> {
  await lockSchema(unit, parts.dialect);
  const plan = planMigrations(parts.bundle, migrations, await appliedOf(unit, parts.bundle), contractAllowed);
  if (plan.deferred.length > 0) parts.log.info('contract migrations left for later', { bundle: parts.bundle, names: plan.deferred });
  if (plan.run.length === 0) return [];
  const umzug = umzugFor(parts, unit, plan);
  return (await unwrapped(umzug.up())).map((step) => step.name);
}

/** Undoes the last applied steps with their `down`, newest first. */
export async function revertMigrations(
  parts: MigratorParts,
  unit: UnitOfWork,
  migrations: readonly Migration[],
  steps: number,
): Promise<readonly string[]> {
  await lockSchema(unit, parts.dialect);
  const applied = new Set((await appliedOf(unit, parts.bundle)).map((step) => step.name));
  const run = migrations.filter((migration) => applied.has(migration.name)).slice(-steps);
  if (steps <= 0 || run.length === 0) return [];
  const umzug = umzugFor(parts, unit, { run, deferred: [] });
  return (await unwrapped(umzug.down({ step: run.length }))).map((step) => step.name);
}

async function appliedOf(unit: UnitOfWork, bundle: string): Promise<readonly AppliedMigration[]> {
  const rows = await unit.query('SELECT name, phase FROM sluice_migration WHERE bundle = ? ORDER BY name', [bundle]);
  return rows as unknown as readonly AppliedMigration[];
}

function umzugFor(parts: MigratorParts, unit: UnitOfWork, plan: MigrationPlan) {
  // Loaded at the first migration only: it takes 150 ms, and most starts find nothing pending.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { Umzug } = require('umzug') as typeof import('umzug');
  const digests = new Map<string, string>();
  return new Umzug({
    logger: undefined,
    context: unit as object,
    migrations: plan.run.map((migration) => ({
      name: migration.name,
      up: async () => void digests.set(migration.name, await runUp(parts, unit, migration)),
      down: async () => void (await runDown(parts, unit, migration)),
    })),
    storage: {
      executed: async () => (await appliedOf(unit, parts.bundle)).map((step) => step.name),
      logMigration: async ({ name }) => {
        const { phase } = plan.run.find((migration) => migration.name === name) as Migration;
        await unit.execute('INSERT INTO sluice_migration (bundle, name, phase, applied_at, digest) VALUES (?, ?, ?, ?, ?)', [
          parts.bundle,
          name,
          phase,
          BigInt(parts.clock.now()),
          digests.get(name) ?? '',
        ]);
      },
      unlogMigration: async ({ name }) => {
        await unit.execute('DELETE FROM sluice_migration WHERE bundle = ? AND name = ?', [parts.bundle, name]);
      },
    },
  });
}

async function runUp(parts: MigratorParts, unit: UnitOfWork, migration: Migration): Promise<string> {
  const executor = new RecordingExecutor(parts, unit, migration);
  if (migration.check !== undefined) {
    try {
      await migration.check(executor);
    } catch (error) {
      throw failed('MIGRATION_CHECK_FAILED', `the data does not allow it: ${(error as Error).message}`, parts.bundle, migration, error);
    }
  }
  executor.restart();
  try {
    await migration.up(executor);
  } catch (error) {
    throw failed('MIGRATION_FAILED', (error as Error).message, parts.bundle, migration, error);
  }
  return executor.digest();
}

async function runDown(parts: MigratorParts, unit: UnitOfWork, migration: Migration): Promise<void> {
  try {
    // Going back removes what going forward added, so the rule about expand steps does not apply.
    await migration.down(new RecordingExecutor(parts, unit, { ...migration, phase: 'contract' }));
  } catch (error) {
    throw failed('MIGRATION_FAILED', `its way back failed: ${(error as Error).message}`, parts.bundle, migration, error);
  }
}

function failed(code: string, reason: string, bundle: string, migration: Migration, cause: unknown): SluiceError {
  const known = cause as { code?: unknown } | null;
  return new SluiceError(
    code,
    `Migration '${migration.name}' of bundle '${bundle}' was not applied, and with it no other step of this call: ${reason}`,
    {
      details: { bundle, migration: migration.name, phase: migration.phase, causeCode: String(known?.code ?? '') },
      remedy: 'The schema is as it was before. Correct the migration or the data and deploy again.',
      cause,
    },
  );
}

/** umzug wraps what a step threw. */
async function unwrapped<T>(running: Promise<T>): Promise<T> {
  try {
    return await running;
  } catch (error) {
    throw (error as { cause?: unknown }).cause ?? error;
  }
}

/** What a migration may do: statements inside the unit, on tables of its own bundle. */
class RecordingExecutor implements MigrationExecutor {
  readonly dialect: Dialect;
  readonly #parts: MigratorParts;
  readonly #unit: UnitOfWork;
  readonly #migration: Migration;
  #hash = createHash('sha256');

  constructor(parts: MigratorParts, unit: UnitOfWork, migration: Migration) {
    this.dialect = parts.dialect;
    this.#parts = parts;
    this.#unit = unit;
    this.#migration = migration;
  }

  table(name: string): string {
    return tableName(this.#parts.bundle, name);
  }

  query(sql: string, values: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    return this.#checked(sql, () => this.#unit.query(sql, values));
  }

  execute(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    return this.#checked(sql, () => this.#unit.execute(sql, values));
  }

  restart(): void {
    this.#hash = createHash('sha256');
  }

  /** Digest of the statements, which is the same however the code around them was packed. */
  digest(): string {
    return this.#hash.digest('hex');
  }

  async #checked<T>(sql: string, run: () => Promise<T>): Promise<T> {
    this.#hash.update(sql.replace(/\s+/g, ' ').trim()).update('\0');
    const table = tableOf(sql);
    if (table !== null) checkOwned(this.#parts.bundle, table);
    const reason = this.#migration.phase === 'expand' ? contractingReason(sql, this.dialect) : null;
    if (reason !== null) {
      throw new SluiceError('MIGRATION_NOT_EXPAND', `A statement ${reason} (${excerpt(sql)})`, {
        details: { bundle: this.#parts.bundle, migration: this.#migration.name, sql: excerpt(sql) },
        remedy: "Put it into a step of phase 'contract'.",
      });
    }
    return await run();
  }
}
