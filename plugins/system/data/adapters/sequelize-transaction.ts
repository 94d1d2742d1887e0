/**
 * A unit of work as a Sequelize transaction: usable with the models of every consumer's instance, but not to commit or roll back.
 */
import { SluiceError } from '@sluice/sdk';
import type { Sequelize, Transaction } from 'sequelize';
import { sequelizeLibrary } from './sequelize-library.js';

/** What the transaction needs of the unit. */
export interface TransactionUnit {
  sequelizeConnection(): object;
  afterCommit(callback: () => void): void;
}

/** The parts of Sequelize's transaction that its types leave out. */
interface Internals {
  connection: object;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  afterCommit(callback: (transaction: Transaction) => void | Promise<void>): void;
}

/** Makes the transaction of a unit. */
export function sequelizeTransaction(sequelize: Sequelize, unit: TransactionUnit): Transaction {
  const Constructor = sequelizeLibrary().Transaction as unknown as new (sequelize: Sequelize, options: object) => Transaction;
  const transaction = new Constructor(sequelize, {});
  const internals = transaction as unknown as Internals;
  internals.connection = unit.sequelizeConnection();
  internals.commit = () => Promise.reject(refused('commit'));
  internals.rollback = () => Promise.reject(refused('roll back'));
  // Sequelize's own hooks also run when COMMIT failed.
  internals.afterCommit = (callback) => unit.afterCommit(() => void callback(transaction));
  return transaction;
}

function refused(what: string): SluiceError {
  return new SluiceError('DATA_STATEMENT_REFUSED', `A unit of work cannot be asked to ${what} through its Sequelize transaction`, {
    remedy: 'Return from the unit to commit, throw to roll back.',
  });
}
