/**
 * Data access from another tier: plain statements, units of work and migrations, run by the host's data service in the bundle's name.
 * Models are objects of the host's Sequelize and do not cross. The work of a unit runs here while the host holds the transaction; if this
 * side ends in the middle, the host rolls back.
 */
import { Data, type Migration, type MigrationExecutor, type SqlRow, type SqlValue, type UnitOfWorkOptions } from '@sluice/sdk';
import { outsideCalls } from '../peer.js';
import { refuseMember } from './refused-member.js';

/** What the facade answers by itself. */
export interface DataFacts {
  readonly dialect: 'sqlite' | 'postgres';
  /** What stands before the short name in the name of a table. */
  readonly tablePrefix: string;
}

/** A unit of work as the host lends it: every function asks the host. */
export interface LentUnit {
  query(sql: string, values?: readonly SqlValue[]): Promise<readonly SqlRow[]>;
  execute(sql: string, values?: readonly SqlValue[]): Promise<number>;
  emit(topic: string, key: string, payload: unknown): Promise<void>;
  finish(): Promise<void>;
}

/** A migration as the guest lends it. */
export interface LentMigration {
  readonly name: string;
  readonly phase: Migration['phase'];
  up(db: LentExecutor): Promise<void>;
  down(db: LentExecutor): Promise<void>;
  check(db: LentExecutor): Promise<void>;
}

/** What a migration works with, as the host lends it. */
export type LentExecutor = Pick<LentUnit, 'query' | 'execute'>;

type Call = (method: string, args: readonly unknown[]) => Promise<unknown>;

const MODELS_REMEDY = 'Use statements (query, execute, unitOfWork), or run the bundle inline.';

/** The data service as the bundle sees it. */
export function dataFacade(call: Call, facts: DataFacts, waiters: CommitWaiters): object {
  const table = (name: string): string => `${facts.tablePrefix}${name}`;
  const refuse = (member: string) => (): never => refuseMember(Data.id, member, MODELS_REMEDY);
  return {
    dialect: facts.dialect,
    get sequelize(): never {
      return refuseMember(Data.id, 'sequelize', MODELS_REMEDY);
    },
    get types(): never {
      return refuseMember(Data.id, 'types', MODELS_REMEDY);
    },
    define: refuse('define'),
    bigint: refuse('bigint'),
    table,
    query: (sql: string, values?: readonly SqlValue[]) => call('query', [sql, values]),
    execute: (sql: string, values?: readonly SqlValue[]) => call('execute', [sql, values]),
    migrate: (migrations: readonly Migration[]) => call('migrate', [migrations.map((one) => lentMigration(one, facts, table))]),
    unitOfWork: (work: (unit: object) => Promise<unknown>, options?: UnitOfWorkOptions) => unitOfWork(call, waiters, work, options),
    leave: outsideCalls,
  };
}

async function unitOfWork(
  call: Call,
  waiters: CommitWaiters,
  work: (unit: object) => Promise<unknown>,
  options: UnitOfWorkOptions | undefined,
): Promise<unknown> {
  const unit = waiters.open();
  const attempt = (lent: LentUnit): Promise<unknown> => {
    // Tried again after a serialisation failure: what the failed attempt wanted is void.
    waiters.drop(unit);
    return work({
      ...lent,
      // The order on the link is the order of the calls, so the last statements go ahead of it.
      finish: () => void lent.finish(),
      afterCommit: (callback: () => void) => waiters.add(unit, callback),
      get transaction(): never {
        return refuseMember(Data.id, 'unitOfWork.transaction', MODELS_REMEDY);
      },
    });
  };
  try {
    return await call('unitOfWork', [attempt, unit, options]);
  } catch (error) {
    waiters.drop(unit);
    throw error;
  }
}

/** Units whose fate a joined transaction decides later; beyond this many the oldest are forgotten. */
const WAITING_UNITS_MAX = 10_000;

/** What waits for the commit of units of work. The host tells of each commit; a unit joined to another one commits with that one. */
export class CommitWaiters {
  private readonly units = new Map<number, (() => void)[]>();
  private lastUnit = 0;

  open(): number {
    return (this.lastUnit += 1);
  }

  add(unit: number, callback: () => void): void {
    const callbacks = this.units.get(unit);
    if (callbacks !== undefined) callbacks.push(callback);
    else this.units.set(unit, [callback]);
    if (this.units.size > WAITING_UNITS_MAX) this.units.delete(this.units.keys().next().value as number);
  }

  drop(unit: number): void {
    this.units.delete(unit);
  }

  committed(unit: number): void {
    const callbacks = this.units.get(unit) ?? [];
    this.units.delete(unit);
    for (const callback of callbacks) callback();
  }
}

function lentMigration(migration: Migration, facts: DataFacts, table: (name: string) => string): LentMigration {
  const executor = (lent: LentExecutor): MigrationExecutor => ({ ...lent, dialect: facts.dialect, table });
  return {
    name: migration.name,
    phase: migration.phase,
    up: (db) => migration.up(executor(db)),
    down: (db) => migration.down(executor(db)),
    check: async (db) => migration.check?.(executor(db)),
  };
}
