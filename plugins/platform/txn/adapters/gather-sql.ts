/**
 * Reads everything an order needs in one statement: the order kept under its key, counters, accounts, rows of steps.
 * All of it comes as text columns, so that 64-bit integers keep every digit on both dialects.
 */
import { SluiceError, asBigint, type SqlRow } from '@sluice/sdk';
import type { AccountFact, EmbeddedLedgerService, SqlSelect } from '@sluice/core-api';
import { PipelineErrors, type Facts, type PipelineEntityDefinition } from '@sluice/pipeline-api';
import type { AccountFacts } from '../domain/booking.js';
import type { GatherPlan } from '../domain/gather.js';
import type { KeptOrder, OrderRows } from './order-rows.js';
import type { TxnTables } from './schema.js';

/** Finds a declared entity. */
export type EntitySource = (name: string) => PipelineEntityDefinition | undefined;

/** What was read. */
export interface Gathered {
  /** The order already kept under this key, if any. */
  readonly kept: KeptOrder | null;
  readonly accounts: AccountFacts;
  readonly facts: Facts;
}

/** Writes and reads the gathering statement. */
export class GatherSql {
  constructor(
    private readonly tables: TxnTables,
    readonly dialect: 'sqlite' | 'postgres',
    private readonly ledger: EmbeddedLedgerService,
    private readonly orders: OrderRows,
    private readonly entities: EntitySource,
  ) {}

  /** One statement for everything. Subselects are run from first to last, so locks are taken in the one fixed order. */
  select(channel: string, key: string, plan: GatherPlan): SqlSelect {
    const branches: (readonly [fact: string, select: SqlSelect])[] = [['order', this.orders.byKey(channel, key)]];
    if (plan.counters.length > 0) branches.push(['counter', this.counters(plan)]);
    branches.push(['account', this.ledger.accountRows(plan.accounts, plan.lockAccounts)]);
    for (const row of plan.rows) branches.push(['row', this.row(row)]);
    return {
      sql: branches.map(([fact, { sql }], index) => `SELECT '${fact}' AS fact, b${index}.* FROM (${sql}) AS b${index}`).join(' UNION ALL '),
      values: branches.flatMap(([, { values }]) => values),
    };
  }

  /** Sorts the rows of {@link select}. */
  read(rows: readonly SqlRow[], plan: GatherPlan): Gathered {
    let kept: KeptOrder | null = null;
    const accounts = new Map<string, AccountFact>();
    const facts: { -readonly [K in keyof Facts]: Facts[K] } = { accounts: {}, counters: {}, rows: {} };
    for (const counter of plan.counters) facts.counters[counter] = 0n;
    for (const { entity, key } of plan.rows) facts.rows[`${entity}/${key}`] = null;
    for (const row of rows) {
      const id = row.id as string;
      if (row.fact === 'order') kept = this.orders.read(row);
      else if (row.fact === 'counter') facts.counters[id] = asBigint(row.a);
      else if (row.fact === 'row') facts.rows[id] = JSON.parse(row.a as string) as Record<string, unknown>;
      else {
        const account = this.ledger.accountFact(row);
        accounts.set(id, account);
        const { customerNo, kind, currency, state } = account;
        facts.accounts[id] = { customerNo, kind, currency, state, availableMinor: account.postedMinor - account.heldMinor };
      }
    }
    return { kept, accounts, facts };
  }

  private counters({ counters, lockCounters }: GatherPlan): SqlSelect {
    const lock = lockCounters && this.dialect === 'postgres' ? ' FOR NO KEY UPDATE' : '';
    return {
      sql:
        `SELECT counter_key AS id, CAST(used_minor AS TEXT) AS a, NULL AS b, NULL AS c, NULL AS d, NULL AS e, NULL AS f FROM ${this.tables.counter}` +
        ` WHERE counter_key IN (${counters.map(() => '?').join(', ')}) ORDER BY counter_key${lock}`,
      values: counters,
    };
  }

  private row({ entity, key }: { entity: string; key: string }): SqlSelect {
    const { table, keyColumn, columns } = requireEntity(this.entities, entity);
    const object = this.dialect === 'sqlite' ? 'json_object' : 'json_build_object';
    const fields = columns.map((column) => `'${column}', CAST(${column} AS TEXT)`).join(', ');
    return {
      sql:
        `SELECT CAST(? AS TEXT) AS id, CAST(${object}(${fields}) AS TEXT) AS a, NULL AS b, NULL AS c, NULL AS d, NULL AS e, NULL AS f` +
        ` FROM ${table} WHERE ${keyColumn} = ?`,
      values: [`${entity}/${key}`, key],
    };
  }
}

const NAME = /^[a-z][a-z0-9_]{0,62}$/;

/**
 * The declaration of an entity. Its names are checked, because they become part of a statement.
 * @throws SluiceError `PIPELINE_STEP_FAILED` for an entity nobody declared.
 */
export function requireEntity(entities: EntitySource, name: string): PipelineEntityDefinition {
  const entity = entities(name);
  if (entity !== undefined && [entity.table, entity.keyColumn, ...entity.columns].every((word) => NAME.test(word))) return entity;
  const reason = entity === undefined ? 'nobody declares it' : 'its declaration holds a name that is no plain SQL name';
  throw new SluiceError(PipelineErrors.stepFailed, `Entity '${name}' cannot be used by the pipeline: ${reason}`, {
    details: { entity: name },
    remedy: 'Register a PipelineEntity service with this name in the bundle of the step.',
  });
}
