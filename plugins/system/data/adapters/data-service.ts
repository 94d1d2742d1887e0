/** Data access of one consumer bundle: its models, tables and migrations, over the engine and the units of work that all share. */
import { SluiceError, type DataService, type Logger, type Migration, type SqlExecutor, type SqlRow, type SqlValue } from '@sluice/sdk';
import type { UnitOfWork, UnitOfWorkOptions } from '@sluice/sdk';
import type { DataTypes, ModelAttributes, ModelOptions, ModelStatic, Sequelize } from 'sequelize';
import type { DataClock, DataSettings } from '../domain/settings.js';
import { shortNameOf, tableName } from '../domain/table-names.js';
import { bigintAttribute } from './bigint-attribute.js';
import type { Engine } from './engine.js';
import { applyMigrations, revertMigrations } from './migrator.js';
import { bindSequelize, closedService, closeSequelize } from './sequelize-binding.js';
import { sequelizeLibrary } from './sequelize-library.js';
import { SharedExecutor } from './shared-executor.js';
import type { UnitOwner } from './open-unit.js';
import type { Units } from './unit-of-work.js';

/** What all services share. */
export interface DataServiceParts {
  readonly engine: Engine;
  readonly units: Units;
  readonly clock: DataClock;
  readonly settings: DataSettings;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Whether contract migrations of a bundle may run now. */
  contractAllowed(bundle: string): boolean;
}

/** The service of one consumer. */
export class BundleDataService implements DataService {
  readonly dialect: 'sqlite' | 'postgres';
  readonly #bundle: string;
  readonly #parts: DataServiceParts;
  readonly #owner: UnitOwner;
  readonly #executor: SqlExecutor;
  #sequelize: Sequelize | null = null;
  #closed = false;

  constructor(bundle: string, parts: DataServiceParts) {
    this.#bundle = bundle;
    this.#parts = parts;
    this.dialect = parts.engine.dialect;
    this.#owner = { bundle, sequelize: () => this.sequelize };
    this.#executor = new SharedExecutor(bundle, parts.engine, parts.units);
  }

  get sequelize(): Sequelize {
    this.#assertOpen();
    return (this.#sequelize ??= bindSequelize(this.#bundle, this.#parts.engine, this.#parts.units));
  }

  get types(): typeof DataTypes {
    return sequelizeLibrary().DataTypes;
  }

  bigint(column: string, options?: { allowNull?: boolean; defaultValue?: bigint; primaryKey?: boolean }): ModelAttributes[string] {
    return bigintAttribute(column, options);
  }

  table(name: string): string {
    return tableName(this.#bundle, name);
  }

  define(name: string, attributes: ModelAttributes, options: ModelOptions = {}): ModelStatic<any> {
    return this.sequelize.define(name, attributes, { tableName: this.table(shortNameOf(name)), ...options });
  }

  async migrate(migrations: readonly Migration[]): Promise<readonly string[]> {
    const contractAllowed = this.#parts.contractAllowed(this.#bundle);
    return await this.#schemaUnit((unit) => applyMigrations(this.#migrator(), unit, migrations, contractAllowed));
  }

  /** Undoes the last applied steps with their `down`, newest first. For an operator; a swap never calls it. */
  async revert(migrations: readonly Migration[], steps = 1): Promise<readonly string[]> {
    return await this.#schemaUnit((unit) => revertMigrations(this.#migrator(), unit, migrations, steps));
  }

  query(sql: string, values?: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.#closed ? Promise.reject(closedService(this.#bundle)) : this.#executor.query(sql, values);
  }

  execute(sql: string, values?: readonly SqlValue[]): Promise<number> {
    return this.#closed ? Promise.reject(closedService(this.#bundle)) : this.#executor.execute(sql, values);
  }

  async unitOfWork<T>(work: (unit: UnitOfWork) => Promise<T>, options?: UnitOfWorkOptions): Promise<T> {
    this.#assertOpen();
    return await this.#parts.units.run(this.#owner, work, options);
  }

  leave<T>(work: () => T): T {
    return this.#parts.units.leave(work);
  }

  /** Ends the service with its consumer: its models refuse from now on. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#sequelize !== null) await closeSequelize(this.#sequelize, this.#bundle);
  }

  #migrator() {
    const { clock, log } = this.#parts;
    return { bundle: this.#bundle, dialect: this.dialect, clock, log };
  }

  async #schemaUnit(work: (unit: UnitOfWork) => Promise<readonly string[]>): Promise<readonly string[]> {
    this.#assertOpen();
    if (this.#parts.units.current() !== undefined) {
      throw new SluiceError('MIGRATION_INVALID', `Bundle '${this.#bundle}' may not migrate inside a unit of work`, {
        details: { bundle: this.#bundle },
        remedy: 'Call migrate when the bundle starts.',
      });
    }
    const { migrationTimeoutMs } = this.#parts.settings;
    return await this.#parts.units.run(this.#owner, work, { timeoutMs: migrationTimeoutMs, statementTimeoutMs: migrationTimeoutMs });
  }

  #assertOpen(): void {
    if (this.#closed) throw closedService(this.#bundle);
  }
}
