/**
 * The data service as it is lent to a guest: statements, units of work, migrations. In tier `process` only statements that the manifest
 * lists are run: code one does not trust shall not read the tables of others.
 */
import { SluiceError, type DataService, type Migration, type SqlExecutor, type SqlValue, type UnitOfWorkOptions } from '@sluice/sdk';
import type { GuestOrder } from '../host/ports.js';
import type { LentMigration, LentUnit } from './guest/data-facade.js';

/** What the host runs for the guest's facade. */
export interface LentData {
  query(sql: string, values?: readonly SqlValue[]): Promise<unknown>;
  execute(sql: string, values?: readonly SqlValue[]): Promise<number>;
  unitOfWork(work: (unit: LentUnit) => Promise<unknown>, unitId: number, options?: UnitOfWorkOptions): Promise<unknown>;
  migrate(migrations: readonly LentMigration[]): Promise<readonly string[]>;
}

/**
 * @param statements those a bundle may run, null for any.
 * @param committed told the number the guest gave a unit of work, after its commit.
 */
export function lendData(data: DataService, statements: ReadonlySet<string> | null, committed: (unit: number) => void): LentData {
  const executor = (target: SqlExecutor): SqlExecutor => ({
    query: (sql, values) => target.query(allowed(sql, statements), values),
    execute: (sql, values) => target.execute(allowed(sql, statements), values),
  });
  return {
    ...executor(data),
    unitOfWork: (work, unitId, options) =>
      data.unitOfWork((unit) => {
        unit.afterCommit(() => committed(unitId));
        return work({
          ...executor(unit),
          emit: (topic, key, payload) => unit.emit(topic, key, payload),
          finish: () => Promise.resolve(unit.finish()),
        });
      }, options),
    migrate: (migrations) => data.migrate(migrations.map((one) => migrationOf(one, executor))),
  };
}

function migrationOf(lent: LentMigration, executor: (target: SqlExecutor) => SqlExecutor): Migration {
  return {
    name: lent.name,
    phase: lent.phase,
    up: (db) => lent.up(executor(db)),
    down: (db) => lent.down(executor(db)),
    check: (db) => lent.check(executor(db)),
  };
}

function allowed(sql: string, statements: ReadonlySet<string> | null): string {
  if (statements === null || statements.has(normalised(sql))) return sql;
  throw new SluiceError('ISOLATION_STATEMENT_REFUSED', 'A bundle in tier process ran a statement that its manifest does not list', {
    details: { statement: sql.slice(0, 200) },
    remedy: 'Add the statement to sluice.statements in its package.json, with the full names of its tables.',
    httpStatus: 403,
  });
}

/** Statements a guest may run; null: any. */
export function statementsOf({ tier, packageJson }: GuestOrder): ReadonlySet<string> | null {
  if (tier !== 'process') return null;
  const { statements = [] } = (packageJson['sluice'] ?? {}) as { statements?: readonly string[] };
  return new Set(statements.map(normalised));
}

/** A statement without differences of white space. */
function normalised(sql: string): string {
  return sql.replace(/\s+/g, ' ').trim();
}
