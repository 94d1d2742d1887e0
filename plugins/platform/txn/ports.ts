/** What all parts of the pipeline share: the database, the ledger's statements, audit, calendar, steps, time and randomness. */
import type { Clock, DataService, ServiceOf } from '@sluice/sdk';
import { codeOf, messageOf } from '@sluice/sdk';
import type { EmbeddedLedgerService } from '@sluice/core-api';
import type { AuditEntry, AuditLogService, Calendar } from '@sluice/operation-api';
import { WHOLE_BANK } from '@sluice/operation-api';
import type { BusinessMoment, Refusal } from '@sluice/pipeline-api';
import { isBatchRefused, type BatchEvent, type BatchRunner, type OwnedPart } from './adapters/batch.js';
import type { EffectParts } from './adapters/effect-parts.js';
import type { GatherSql } from './adapters/gather-sql.js';
import type { OrderRows } from './adapters/order-rows.js';
import { KEY_INDEX } from './adapters/schema.js';
import { ORDER_RANDOM_BYTES, orderNumber } from './domain/identity.js';
import type { SlotEffect } from './domain/decide.js';
import { plain } from './domain/stored-json.js';
import type { StepSource } from './steps.js';

/** Longest wait for the writer and longest run of one order's transaction. */
export const ORDER_TIMEOUT_MS = 5_000;

/** Everything an order needs from outside. */
export interface PipelinePorts {
  readonly data: Pick<DataService, 'unitOfWork' | 'query'>;
  readonly batch: BatchRunner;
  readonly ledger: EmbeddedLedgerService;
  readonly audit: AuditLogService;
  readonly calendar: Pick<ServiceOf<typeof Calendar>, 'businessDate'>;
  readonly orders: OrderRows;
  readonly gather: GatherSql;
  readonly effects: EffectParts;
  readonly steps: StepSource;
  readonly clock: Clock;
  readonly randomBytes: (count: number) => Uint8Array;
  /** How long an order waits for somebody when its step does not say, milliseconds. Read at each use. */
  readonly waitMs: () => number;
}

/** Number of a new order, and the moment it came. */
export function newIdentity(ports: PipelinePorts): { at: number; orderNo: string } {
  const at = ports.clock.now();
  return { at, orderNo: orderNumber(at, ports.randomBytes(ORDER_RANDOM_BYTES)) };
}

/** The moment as the calendar sees it: computed from rules in memory, so it may be asked while a transaction is open. */
export function momentOf(ports: PipelinePorts, at: number, currency: string): BusinessMoment {
  return { businessDate: ports.calendar.businessDate({ institution: WHOLE_BANK, currency }, at), at };
}

/** A part that the pipeline itself wants. */
export function own(part: OwnedPart['part']): OwnedPart {
  return { owner: 'pipeline', part };
}

/** An entry of the audit, written with everything else. */
export function audited(ports: PipelinePorts, entry: AuditEntry): OwnedPart {
  return { owner: 'audit', part: ports.audit.part({ ...entry, detail: plain(entry.detail) as AuditEntry['detail'] }) };
}

/** The events among effects, as plain JSON. */
export function eventsOf(effects: readonly SlotEffect[]): readonly BatchEvent[] {
  return effects.flatMap(({ effect }) =>
    effect.kind === 'event' ? [{ topic: effect.topic, key: effect.key, payload: plain(effect.payload) }] : [],
  );
}

/** Rules of the ledger that are answers to a customer; an unbalanced or changed journal is somebody's fault. */
const ANSWERS: ReadonlySet<string> = new Set(['INSUFFICIENT_FUNDS', 'ACCOUNT_CLOSED', 'ACCOUNT_FROZEN', 'AMOUNT_OUT_OF_BOUNDS']);

/** What a failed unit of work says about the order: refused by a condition or by the ledger's rules, or undefined for a fault. */
export function refusalOfFailure(ports: PipelinePorts, error: unknown): Refusal | undefined {
  if (isBatchRefused(error)) return { slot: error.owner, code: error.refusal.code, details: error.refusal.details };
  const meaning = ports.ledger.refusalOf(messageOf(error));
  return meaning !== undefined && ANSWERS.has(meaning.code) ? { slot: 'core', code: meaning.code, details: meaning.details } : undefined;
}

/** True when a unit failed because another one has just used the same key. */
export function isKeyConflict(error: unknown): boolean {
  if (codeOf(error) !== 'DATA_UNIQUE') return false;
  // PostgreSQL names the index, SQLite its columns.
  return messageOf(error).includes(KEY_INDEX) || /\.idempotency_key\b/.test(messageOf(error));
}
