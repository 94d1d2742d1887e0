/** What the executor and the reversal share: the database, the ledger's statements, steps, time and randomness. */
import type { Clock, DataService } from '@sluice/sdk';
import { codeOf, messageOf } from '@sluice/sdk';
import type { EmbeddedLedgerService } from '@sluice/core-api';
import type { BusinessMoment, Refusal } from '@sluice/pipeline-api';
import { isBatchRefused, type BatchEvent, type BatchRunner } from './adapters/batch.js';
import type { EffectParts } from './adapters/effect-parts.js';
import type { GatherSql } from './adapters/gather-sql.js';
import type { OrderRows } from './adapters/order-rows.js';
import { KEY_INDEX } from './adapters/schema.js';
import { businessDateOf, orderNumber } from './domain/identity.js';
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
  readonly orders: OrderRows;
  readonly gather: GatherSql;
  readonly effects: EffectParts;
  readonly steps: StepSource;
  readonly clock: Clock;
  readonly randomBytes: (count: number) => Uint8Array;
}

/** Moment and number of a new order. */
export function newIdentity(ports: PipelinePorts, randomBytesCount: number): { moment: BusinessMoment; orderNo: string } {
  const at = ports.clock.now();
  return { moment: { businessDate: businessDateOf(at), at }, orderNo: orderNumber(at, ports.randomBytes(randomBytesCount)) };
}

/** The events among effects, as plain JSON. */
export function eventsOf(effects: readonly SlotEffect[]): readonly BatchEvent[] {
  return effects.flatMap(({ effect }) =>
    effect.kind === 'event' ? [{ topic: effect.topic, key: effect.key, payload: plain(effect.payload) }] : [],
  );
}

/** What a failed unit of work says about the order: refused by a condition or by the ledger's rules, or undefined for a fault. */
export function refusalOfFailure(ports: PipelinePorts, error: unknown): Refusal | undefined {
  if (isBatchRefused(error)) return { slot: error.owner, code: error.refusal.code, details: error.refusal.details };
  const meaning = ports.ledger.refusalOf(messageOf(error));
  // Only these two are answers to a customer; an unbalanced or changed journal is somebody's fault.
  if (meaning?.code !== 'INSUFFICIENT_FUNDS' && meaning?.code !== 'ACCOUNT_CLOSED') return undefined;
  return { slot: 'core', code: meaning.code, details: meaning.details };
}

/** True when a unit failed because another one has just used the same key. */
export function isKeyConflict(error: unknown): boolean {
  if (codeOf(error) !== 'DATA_UNIQUE') return false;
  // PostgreSQL names the index, SQLite its columns.
  return messageOf(error).includes(KEY_INDEX) || /\.idempotency_key\b/.test(messageOf(error));
}
