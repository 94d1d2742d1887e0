/** Orders and audit as rows: what is written about an order, and how it is read back. */
import type { SqlRow } from '@sluice/sdk';
import type { SqlPart, SqlSelect } from '@sluice/core-api';
import { PipelineErrors, type Order, type OrderState, type OrderView } from '@sluice/pipeline-api';
import type { Records } from '../domain/decide.js';
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
}

/** An order as it was kept, with its present state. */
export interface KeptOrder {
  readonly hash: string;
  readonly state: OrderState;
  readonly answer: OrderView;
  readonly order: Order;
  readonly records: Records;
}

/** A line of the audit. */
export interface AuditEntry {
  readonly at: number;
  readonly actor: string;
  readonly channel: string;
  readonly action: 'order.submitted' | 'order.reversed';
  readonly orderNo: string;
  readonly outcome: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Text columns `id, a, b, c, d, e, f` of an order, the common form of everything the pipeline reads at once. */
const ORDER_COLUMNS = 'order_no AS id, request_hash AS a, state AS b, answer AS c, booking AS d, records AS e, NULL AS f';

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
      },
      records: recordsOf(row.e as string),
    };
  }

  insert({ order, key, hash, records, view }: OrderEntry): SqlPart {
    return {
      name: 'txn_order',
      sql:
        `INSERT INTO ${this.tables.order} (order_no, channel, idempotency_key, request_hash, function, state, customer_no, parent_order_no,` +
        ` amount_minor, fee_minor, currency, business_date, received_at, refusal_code, booking, records, answer)` +
        ` VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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

  audit(entry: AuditEntry): SqlPart {
    return {
      name: 'txn_audit',
      sql: `INSERT INTO ${this.tables.audit} (at, actor, channel, action, order_no, outcome, detail) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      values: [entry.at, entry.actor, entry.channel, entry.action, entry.orderNo, entry.outcome, toJson(entry.detail)],
      rows: 1,
      refusal: { code: PipelineErrors.stepFailed, details: { orderNo: entry.orderNo } },
    };
  }
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
