/**
 * The chain over sealed entries. Pure.
 * Always holds: each hash depends on its entry, its number and every entry before it, so a change anywhere breaks the chain from there on.
 */
import { createHash } from 'node:crypto';
import type { AuditAnchor, AuditVerdict } from '@sluice/operation-api';

/** What of an entry is sealed. */
export interface SealedContent {
  readonly entryId: string;
  readonly at: string;
  readonly actor: string;
  readonly channel: string;
  readonly action: string;
  readonly subject: string;
  readonly outcome: string;
  readonly detail: string;
}

/** A sealed entry as it was read. */
export interface SealedEntry extends SealedContent {
  readonly sealNo: number;
  readonly hash: string;
}

/** The end of an empty chain. */
export const GENESIS: AuditAnchor = { sealNo: 0, hash: '0'.repeat(64) };

/** Hash of the entry that follows an end of the chain. */
export function sealOf(previous: AuditAnchor, content: SealedContent): AuditAnchor {
  const { entryId, at, actor, channel, action, subject, outcome, detail } = content;
  const sealNo = previous.sealNo + 1;
  // JSON keeps the borders between texts: `a` beside `bc` is not `ab` beside `c`.
  const text = JSON.stringify([previous.hash, sealNo, entryId, at, actor, channel, action, subject, outcome, detail]);
  return { sealNo, hash: createHash('sha256').update(text).digest('hex') };
}

/** Why a chain does not hold, and from which number on. */
export type Break = NonNullable<AuditVerdict['firstBad']>;

/** Walks along a chain, entry by entry, and stops at the first that does not fit. */
export class ChainCheck {
  #end: AuditAnchor = GENESIS;
  #firstBad: Break | null = null;

  /** @param anchor an end of the chain that was kept elsewhere. */
  constructor(private readonly anchor: AuditAnchor | null) {}

  /** Takes the next entry by number. False when the chain is broken and need not be read on. */
  take(entry: SealedEntry): boolean {
    const expected = sealOf(this.#end, entry);
    if (entry.sealNo !== expected.sealNo) return this.#broken(expected.sealNo, 'MISSING');
    if (entry.hash !== expected.hash) return this.#broken(expected.sealNo, 'CHANGED');
    if (this.anchor?.sealNo === expected.sealNo && this.anchor.hash !== expected.hash) {
      return this.#broken(expected.sealNo, 'ANCHOR_DIFFERS');
    }
    this.#end = expected;
    return true;
  }

  /** The verdict, once all entries were taken. `head` is the end that the sealer wrote down last. */
  end(head: AuditAnchor): { readonly sealed: number; readonly firstBad: Break | null } {
    const longest = Math.max(head.sealNo, this.anchor?.sealNo ?? 0);
    if (this.#firstBad === null && this.#end.sealNo < longest) this.#broken(this.#end.sealNo + 1, 'CUT_OFF');
    // More entries than the head says, or another last hash: the head itself was set back.
    if (this.#firstBad === null && (this.#end.sealNo !== head.sealNo || this.#end.hash !== head.hash)) {
      this.#broken(head.sealNo + 1, 'CHANGED');
    }
    return { sealed: this.#end.sealNo, firstBad: this.#firstBad };
  }

  #broken(sealNo: number, reason: Break['reason']): false {
    this.#firstBad = { sealNo, reason };
    return false;
  }
}
