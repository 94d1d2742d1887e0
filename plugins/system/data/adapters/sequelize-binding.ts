/**
 * One Sequelize instance per consumer revision, over the connections that all share. The instance never opens a connection itself:
 * inside a unit of work its statements run on the unit's connection, with or without `{ transaction }`, else on a leased one.
 */
import { SluiceError } from '@sluice/sdk';
import type { Options, Sequelize, Transaction, TransactionOptions } from 'sequelize';
import { checkOwned } from '../domain/table-names.js';
import type { Engine, Lease } from './engine.js';
import { sequelizeLibrary } from './sequelize-library.js';
import { sequelizeTransaction } from './sequelize-transaction.js';
import type { OpenUnit, UnitOwner } from './open-unit.js';
import type { Units } from './unit-of-work.js';

/** The parts of Sequelize's connection manager that its types leave out. */
interface ConnectionManager {
  getConnection(): Promise<object>;
  releaseConnection(connection: object): void;
}

interface ModelManager {
  addModel(model: { getTableName(): string | { tableName: string } }): unknown;
}

type ManagedWork = (transaction: Transaction) => Promise<unknown>;

/** These rebuild the table on SQLite and lose its triggers, indexes and CHECKs. */
const REBUILDING = ['removeColumn', 'changeColumn', 'renameColumn'] as const;

/** Makes the instance of one consumer. */
export function bindSequelize(bundle: string, engine: Engine, units: Units): Sequelize {
  const { Sequelize } = sequelizeLibrary();
  const sequelize = new Sequelize({
    dialect: engine.dialect,
    dialectModule: engine.driver,
    // Told, so that Sequelize does not connect to ask.
    databaseVersion: /^\d+\.\d+\.\d+/.test(engine.version) ? engine.version : `${engine.version}.0`,
    logging: false,
    retry: { max: 1 },
    define: { timestamps: false, underscored: true, freezeTableName: true },
  } as Options);
  const owner = { bundle, sequelize: () => sequelize };
  shareConnections(sequelize, owner, engine, units);
  replaceTransactions(sequelize, owner, units);
  guardSchema(sequelize, bundle, engine);
  return sequelize;
}

/** Ends an instance with its consumer: its models refuse, and nothing of Sequelize's keeps them. */
export async function closeSequelize(sequelize: Sequelize, bundle: string): Promise<void> {
  await sequelize.close();
  const { connectionManager, modelManager, models } = sequelize as unknown as {
    connectionManager: ConnectionManager;
    modelManager: { removeModel(model: unknown): void };
    models: Readonly<Record<string, unknown>>;
  };
  connectionManager.getConnection = () => Promise.reject(closedService(bundle));
  for (const model of Object.values(models)) modelManager.removeModel(model);
}

/** The error of a service or model whose consumer, or whose data bundle, has stopped. */
export function closedService(bundle: string): SluiceError {
  return new SluiceError('DATA_CLOSED', `Bundle '${bundle}' cannot use the database: its data service has ended`, {
    details: { bundle },
    remedy: "Define models where the service is bound: a component with @Reference(Data, { policy: 'static' }) is built anew with each.",
    retryable: true,
    httpStatus: 503,
  });
}

function shareConnections(sequelize: Sequelize, owner: UnitOwner, engine: Engine, units: Units): void {
  const leases = new WeakMap<object, Lease>();
  const manager = (sequelize as unknown as { connectionManager: ConnectionManager }).connectionManager;
  manager.getConnection = async () => {
    const unit = units.current();
    if (unit !== undefined) return unit.sequelizeConnection();
    const lease = await engine.lease({ bundle: owner.bundle, waitMs: units.waitTimeoutMs });
    leases.set(lease.connection, lease);
    return lease.connection;
  };
  manager.releaseConnection = (connection) => leases.get(connection)?.release();
}

/** `sequelize.transaction()` becomes a unit of work, so that whatever Sequelize opens by itself follows the same rules. */
function replaceTransactions(sequelize: Sequelize, owner: UnitOwner, units: Units): void {
  const transaction = (first?: TransactionOptions | ManagedWork, second?: ManagedWork): Promise<unknown> => {
    const work = typeof first === 'function' ? first : second;
    const options = typeof first === 'function' ? undefined : first;
    const isolation =
      options?.isolationLevel === sequelizeLibrary().Transaction.ISOLATION_LEVELS.SERIALIZABLE
        ? ({ isolation: 'serializable' } as const)
        : {};
    if (work !== undefined) return units.run(owner, (unit) => work(unit.transaction), isolation);
    const unit = options?.transaction == null ? undefined : units.current();
    if (unit !== undefined) return Promise.resolve(nested(sequelize, unit));
    return unmanaged(sequelize, owner, units, isolation);
  };
  (sequelize as unknown as { transaction: typeof transaction }).transaction = transaction;
}

/**
 * A transaction inside one that was given: a part of the unit. Nothing waits for its end, because `findOrCreate` does not end it. A
 * rollback is the rollback of the whole unit.
 */
function nested(sequelize: Sequelize, unit: OpenUnit): Transaction {
  const made = sequelizeTransaction(sequelize, unit);
  return Object.assign(made, {
    commit: () => Promise.resolve(),
    rollback: () => {
      unit.failWith(new Error('rolled back by its user'));
      return Promise.resolve();
    },
  });
}

/** A transaction that its user ends. It has the time limit of a unit of work. */
function unmanaged(sequelize: Sequelize, owner: UnitOwner, units: Units, options: { isolation?: 'serializable' }): Promise<Transaction> {
  return new Promise((resolve, reject) => {
    const abandoned = new Error('rolled back by its user');
    let end: (() => void) | undefined;
    let abandon: (() => void) | undefined;
    const ended = new Promise<void>((resolveEnd, rejectEnd) => {
      end = resolveEnd;
      abandon = () => rejectEnd(abandoned);
    });
    // A retry would need the user's statements again, which this side does not have.
    const running = units.run(
      owner,
      (unit) => {
        const made = sequelizeTransaction(sequelize, unit) as unknown as Record<string, unknown>;
        made['commit'] = async () => {
          end?.();
          await running;
        };
        made['rollback'] = async () => {
          abandon?.();
          await running.catch((error: unknown) => {
            if (error !== abandoned) throw error;
          });
        };
        resolve(made as unknown as Transaction);
        return ended;
      },
      { ...options, attemptsMax: 1 },
    );
    running.catch(reject);
  });
}

/** Schema belongs to migrations, and tables to the bundle whose prefix they carry. */
function guardSchema(sequelize: Sequelize, bundle: string, engine: Engine): void {
  // A hook cannot refuse a model: Sequelize runs it behind a promise that nobody awaits.
  const models = (sequelize as unknown as { modelManager: ModelManager }).modelManager;
  const addModel = models.addModel.bind(models);
  models.addModel = (model) => {
    const table = model.getTableName();
    checkOwned(bundle, typeof table === 'string' ? table : table.tableName);
    return addModel(model);
  };
  const sync = (): never => {
    throw schemaRefused('sync()', 'it changes tables without a record, and not in the order of versions');
  };
  sequelize.addHook('beforeSync', sync);
  sequelize.addHook('beforeBulkSync', sync);
  if (engine.dialect !== 'sqlite') return;
  const queryInterface = sequelize.getQueryInterface() as unknown as Record<string, unknown>;
  for (const name of REBUILDING) {
    queryInterface[name] = () =>
      Promise.reject(schemaRefused(`${name}()`, 'on SQLite it rebuilds the table and loses its triggers, indexes and CHECKs'));
  }
}

function schemaRefused(what: string, why: string): SluiceError {
  return new SluiceError('DATA_SCHEMA_CHANGE_REFUSED', `Sequelize's ${what} is refused: ${why}`, {
    details: { operation: what },
    remedy: 'Write a migration with plain SQL (ALTER TABLE ... ADD COLUMN to expand, DROP COLUMN or RENAME COLUMN to contract).',
  });
}
