/** Turns effects into parts of a batch. Legs become one journal elsewhere; events leave through the outbox. */
import type { SqlValue } from '@sluice/sdk';
import { SluiceError } from '@sluice/sdk';
import type { EmbeddedLedgerService, SqlPart } from '@sluice/core-api';
import { PipelineErrors, type Effect } from '@sluice/pipeline-api';
import type { SlotEffect } from '../domain/decide.js';
import type { OwnedPart } from './batch.js';
import { requireEntity, type EntitySource } from './gather-sql.js';
import type { TxnTables } from './schema.js';

type EffectOf<K extends Effect['kind']> = Extract<Effect, { kind: K }>;

/** Writes the parts of effects. */
export class EffectParts {
  constructor(
    private readonly tables: TxnTables,
    private readonly ledger: EmbeddedLedgerService,
    private readonly entities: EntitySource,
  ) {}

  /** Parts on counters, by key: they come before everything that locks accounts. */
  counters(orderNo: string, effects: readonly SlotEffect[]): readonly OwnedPart[] {
    const touching = effects.flatMap(({ slot, effect }) => (effect.kind === 'take' || effect.kind === 'give' ? [{ slot, effect }] : []));
    touching.sort((one, other) => (one.effect.counter < other.effect.counter ? -1 : one.effect.counter > other.effect.counter ? 1 : 0));
    return touching.flatMap(({ slot, effect }) => {
      const parts = effect.kind === 'take' ? this.take(orderNo, effect) : this.give(orderNo, effect);
      return parts.map((part) => ({ owner: slot, part }));
    });
  }

  /** Parts on holds and rows of steps, in the order of the slots. */
  others(orderNo: string, effects: readonly SlotEffect[]): readonly OwnedPart[] {
    return effects.flatMap(({ slot, effect }): OwnedPart[] => {
      if (effect.kind === 'hold') {
        const { holdId, accountNo, money } = effect;
        const part = this.ledger.hold({ holdId, orderNo, accountNo, currency: money.currency, amountMinor: money.minor });
        return [{ owner: slot, part }];
      }
      if (effect.kind === 'release') return [{ owner: slot, part: this.ledger.release(effect.holdId) }];
      if (effect.kind === 'row') return [{ owner: slot, part: this.row(effect) }];
      return [];
    });
  }

  /** A first use is inserted, a further one added; both only under the ceiling. */
  private take(orderNo: string, { counter, amount, ceiling, code }: EffectOf<'take'>): readonly SqlPart[] {
    const refusal = { code, details: { counter, ceiling: ceiling.toString() } };
    const table = this.tables.counter;
    return [
      {
        name: 'txn_take',
        sql:
          `INSERT INTO ${table} (counter_key, used_minor) SELECT CAST(? AS TEXT), CAST(? AS BIGINT)` +
          ` WHERE CAST(? AS BIGINT) <= CAST(? AS BIGINT)` +
          ` ON CONFLICT (counter_key) DO UPDATE SET used_minor = ${table}.used_minor + excluded.used_minor` +
          ` WHERE ${table}.used_minor + excluded.used_minor <= CAST(? AS BIGINT)`,
        values: [counter, amount, amount, ceiling, ceiling],
        rows: 1,
        refusal,
      },
      {
        name: 'txn_use',
        sql: `INSERT INTO ${this.tables.use} (order_no, counter_key, amount_minor, state) VALUES (?, ?, ?, 'TAKEN')`,
        values: [orderNo, counter, amount],
        rows: 1,
        refusal,
      },
    ];
  }

  /** Only what this order took can be given back, whole and once. */
  private give(orderNo: string, { counter, amount }: EffectOf<'give'>): readonly SqlPart[] {
    const refusal = { code: PipelineErrors.stepFailed, details: { counter, orderNo } };
    return [
      {
        name: 'txn_give',
        sql: `UPDATE ${this.tables.counter} SET used_minor = used_minor - CAST(? AS BIGINT) WHERE counter_key = ?`,
        values: [amount, counter],
        rows: 1,
        refusal,
      },
      {
        name: 'txn_free',
        sql:
          `UPDATE ${this.tables.use} SET state = 'FREED'` +
          ` WHERE order_no = ? AND counter_key = ? AND state = 'TAKEN' AND amount_minor = CAST(? AS BIGINT)`,
        values: [orderNo, counter, amount],
        rows: 1,
        refusal,
      },
    ];
  }

  private row({ entity, values }: EffectOf<'row'>): SqlPart {
    const { table, columns } = requireEntity(this.entities, entity);
    const names = Object.keys(values);
    const foreign = names.filter((name) => !columns.includes(name));
    if (foreign.length > 0 || names.length === 0) {
      throw new SluiceError(PipelineErrors.stepFailed, `Row of '${entity}' not written: it has no columns ${foreign.join(', ')}`, {
        details: { entity, foreign, columns },
        remedy: 'Name only columns that the PipelineEntity service declares.',
      });
    }
    return {
      name: 'txn_row',
      sql: `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
      values: names.map((name) => values[name] as SqlValue),
      rows: 1,
      refusal: { code: PipelineErrors.stepFailed, details: { entity } },
    };
  }
}
