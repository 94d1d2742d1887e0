/** Orders as rows: what is written about an order, and how it is read back. */
import type { SqlRow } from '@sluice/sdk';
import type { SqlPart, SqlSelect } from '@sluice/core-api';
import { PipelineErrors, type Order, type OrderState, type OrderView } from '@sluice/pipeline-api';
import type { Records } from '../domain/decide.js';
import { progressOf, progressText, type Progress } from '../domain/progress.js';
import { fromJson, toJson } from '../domain/stored-json.js';
import type { TxnTables } from './schema.js';

/** Everything that is kept of an order. */
export interface OrderEntry {
  readonly order: Order;
  readonly key: string;
  readonly hash: string;
  readonly records: Records;
  /** The first answer, kept under the key for ever. */
  readonly view: OrderView;
  /** Only for an order that waits. */
  readonly progress: Progress | null;
}

/** An order as it was kept, with its present state. */
export interface KeptOrder {
  readonly hash: string;
  readonly state: OrderState;
  readonly answer: OrderView;
  readonly order: Order;
  readonly records: Records;
  readonly progress: Progress | null;
}

/** How a waiting order changes. */
export interface OrderMove {
  readonly orderNo: string;
  readonly from: OrderState;
  readonly to: OrderState;
  readonly records: Records;
  readonly progress: Progress;
  readonly businessDate: string;
}

/** Text columns `id, a, b, c, d, e, f` of an order, the common form of everything the pipeline reads at once. */
const ORDER_COLUMNS = 'order_no AS id, request_hash AS a, state AS b, answer AS c, booking AS d, records AS e, progress AS f';

/** Statements about orders. */
export class OrderRows {
  constructor(private readonly tables: TxnTables) {}

  byKey(channel: string, key: string): SqlSelect {
    return { sql: `SELECT ${ORDER_COLUMNS} FROM ${this.tables.order} WHERE channel = ? AND idempotency_key = ?`, values: [channel, key] };
  }

  byNumber(orderNo: string): SqlSelect {
    return { sql: `SELECT ${ORDER_COLUMNS} FROM ${this.tables.order} WHERE order_no = ?`, values: [orderNo] };
  }

  /** The posted reversal of an order. */
  reversalOf(orderNo: string): SqlSelect {
    return {
      sql: `SELECT ${ORDER_COLUMNS} FROM ${this.tables.order} WHERE parent_order_no = ? AND function = 'order.reversal' AND state = 'POSTED'`,
      values: [orderNo],
    };
  }

  read(row: SqlRow): KeptOrder {
    const answer = fromJson(row.c as string) as OrderView;
    const { orderNo, parentOrderNo, channel, customerNo, amount, payerAccountNo, payeeAccountNo, narrative } = answer;
    const booking = fromJson(row.d as string) as Order['booking'];
    return {
      hash: row.a as string,
      state: row.b as OrderState,
      answer,
      order: {
        orderNo,
        parentOrderNo,
        channel,
        function: answer.function,
        customerNo,
        amount,
        payerAccountNo,
        payeeAccountNo,
        narrative,
        booking,
        ...(answer.executeOn === undefined ? {} : { executeOn: answer.executeOn }),
      },
      records: recordsOf(row.e as string),
      progress: row.f === null ? null : progressOf(row.f as string),
    };
  }

  insert({ order, key, hash, records, view, progress }: OrderEntry): SqlPart {
    return {
      name: 'txn_order',
      sql:
        `INSERT INTO ${this.tables.order} (order_no, channel, idempotency_key, request_hash, function, state, customer_no, parent_order_no,` +
        ` amount_minor, fee_minor, currency, business_date, received_at, refusal_code, booking, records, answer,` +
        ` progress, due_at, due_on) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      values: [
        order.orderNo,
        order.channel,
        key,
        hash,
        order.function,
        view.state,
        order.customerNo,
        order.parentOrderNo,
        order.amount.minor,
        view.fee.minor,
        order.amount.currency,
        view.businessDate,
        view.receivedAt,
        view.refusal?.code ?? null,
        toJson(order.booking),
        recordsText(records),
        toJson(view),
        progress === null ? null : progressText(progress),
        ...(progress === null ? [null, null] : dueOf(progress)),
      ],
      rows: 1,
      refusal: { code: PipelineErrors.keyReused, details: { orderNo: order.orderNo } },
    };
  }

  /** Ends a posted order as reversed; changes nothing when it is not posted any more. */
  markReversed(orderNo: string): SqlPart {
    return {
      name: 'txn_original',
      sql: `UPDATE ${this.tables.order} SET state = 'REVERSED' WHERE order_no = ? AND state = 'POSTED'`,
      values: [orderNo],
      rows: 1,
      refusal: { code: PipelineErrors.orderState, details: { orderNo } },
    };
  }

  /** Changes a waiting order; changes nothing when it is not in that state any more. */
  move({ orderNo, from, to, records, progress, businessDate }: OrderMove): SqlPart {
    const { waiting, ended } = progress;
    return {
      name: 'txn_move',
      sql:
        `UPDATE ${this.tables.order} SET state = ?, records = ?, progress = ?, fee_minor = ?, refusal_code = ?, business_date = ?,` +
        ` due_at = ?, due_on = ? WHERE order_no = ? AND state = ?`,
      values: [
        to,
        recordsText(records),
        progressText(progress),
        waiting?.feeMinor ?? ended?.feeMinor ?? 0n,
        ended?.refusal?.code ?? null,
        businessDate,
        ...dueOf(progress),
        orderNo,
        from,
      ],
      rows: 1,
      refusal: { code: PipelineErrors.orderState, details: { orderNo } },
    };
  }

  /** The order, kept from others until the unit ends (SQLite has only one writer). */
  locked(orderNo: string, dialect: 'sqlite' | 'postgres'): SqlSelect {
    const { sql, values } = this.byNumber(orderNo);
    return { sql: dialect === 'postgres' ? `${sql} FOR UPDATE` : sql, values };
  }

  /** Numbers of waiting orders whose time or date has come, oldest first. */
  due(at: number, latestDate: string, limit: number): SqlSelect {
    return {
      sql:
        `SELECT order_no FROM (SELECT order_no FROM ${this.tables.order} WHERE due_at IS NOT NULL AND due_at <= ?` +
        ` UNION ALL SELECT order_no FROM ${this.tables.order} WHERE due_on IS NOT NULL AND due_on <= ?) AS due ORDER BY order_no LIMIT ?`,
      values: [at, latestDate, limit],
    };
  }
}

/** When a waiting order must be looked at: a moment at which it expires, or a date on which it is executed. */
function dueOf({ waiting }: Progress): readonly [dueAt: number | null, dueOn: string | null] {
  if (waiting === undefined) return [null, null];
  const { expiresAt, for: reason } = waiting.waiting;
  return expiresAt === null ? [null, (reason as { date: string }).date] : [expiresAt, null];
}

/**
 * Records as text: `{"limit": [name, by, record]}`. Short on purpose, as is leaving out of `booking` what the answer says already:
 * PostgreSQL moves what a row has beyond 2 kB to a second table, which costs as much as the rest of the order.
 */
function recordsText(records: Records): string {
  return toJson(Object.fromEntries(Object.entries(records).map(([slot, { name, by, record }]) => [slot, [name, by, record]])));
}

function recordsOf(text: string): Records {
  const stored = JSON.parse(text) as Record<string, [name: string, by: string, record: unknown]>;
  return Object.fromEntries(Object.entries(stored).map(([slot, [name, by, record]]) => [slot, { name, by, record }]));
}
