/**
 * What is kept of an order beyond its first answer: while it waits, what it waits for and what it will book; afterwards, how it ended. Pure.
 * Always holds: the quote is frozen here when the order is accepted, and charged as it stands, whatever the schedule says meanwhile.
 */
import type { Effect, OrderState, OrderView, Refusal, SlotName, Waiting } from '@sluice/pipeline-api';
import type { SlotEffect } from './decide.js';
import { fromJson, toJson } from './stored-json.js';

type LegEffect = Extract<Effect, { kind: 'leg' }>;

/** A waiting order. */
export interface WaitingProgress {
  readonly waiting: Waiting;
  readonly feeMinor: bigint;
  /** Legs that steps decided, to be booked when it is posted. */
  readonly legs: readonly { readonly slot: SlotName; readonly effect: LegEffect }[];
  /** Holds on accounts, by their ids. */
  readonly holds: readonly string[];
  /** How often it has waited: makes the ids of holds unique. */
  readonly turn: number;
}

/** How an order that had waited ended. */
export interface EndedProgress {
  readonly feeMinor: bigint;
  readonly refusal: Refusal | null;
  /** Business date it was dispatched on, when it was posted. */
  readonly businessDate: string;
}

/** Either of them, or null for an order that never waited. */
export interface Progress {
  readonly waiting?: WaitingProgress;
  readonly ended?: EndedProgress;
}

/** The legs among effects: the quote that is frozen. */
export function frozenLegs(effects: readonly SlotEffect[]): WaitingProgress['legs'] {
  return effects.flatMap(({ slot, effect }) => (effect.kind === 'leg' ? [{ slot, effect }] : []));
}

/** Writes progress as text. Amounts named `feeMinor` go with the `minor` of money as digits. */
export function progressText({ waiting, ended }: Progress): string {
  const { feeMinor = 0n } = waiting ?? ended ?? {};
  return toJson({ fee: { minor: feeMinor }, waiting, ended });
}

/** Reads what {@link progressText} wrote. */
export function progressOf(text: string): Progress {
  const { fee, waiting, ended } = fromJson(text) as { fee: { minor: bigint }; waiting?: WaitingProgress; ended?: EndedProgress };
  return {
    ...(waiting === undefined ? {} : { waiting: { ...waiting, feeMinor: fee.minor } }),
    ...(ended === undefined ? {} : { ended: { ...ended, feeMinor: fee.minor } }),
  };
}

/** An order as it stands now: its first answer, and what came after. */
export function presentView({ waiting: _then, ...answer }: OrderView, state: OrderState, progress: Progress | null): OrderView {
  const { waiting, ended } = progress ?? {};
  const fee = { minor: waiting?.feeMinor ?? ended?.feeMinor ?? answer.fee.minor, currency: answer.fee.currency };
  if (waiting !== undefined) return { ...answer, state, fee, waiting: waiting.waiting };
  if (ended !== undefined) return { ...answer, state, fee, refusal: ended.refusal, businessDate: ended.businessDate };
  return { ...answer, state };
}
