/**
 * The audit log as a chain: each record holds the hash of the one before and a hash over its own text, so that nothing can be changed, left out
 * or moved without a trace. Who can write the files can make a whole new chain: hence the head, kept apart and sent elsewhere. Pure.
 */
import { createHash } from 'node:crypto';

/** What comes before the first record. */
export const GENESIS = '0'.repeat(64);
/** Most digests told in one record; a change of more bundles says how many there were. */
const DIGESTS_MAX = 200;
const TEXT_CHARACTERS_MAX = 500;

/** What is recorded. */
export interface AuditEntry {
  /** Wall clock, milliseconds. */
  readonly at: number;
  readonly actor: string;
  /** Roles of the actor, `owner`, or `kernel`. */
  readonly role: string;
  /** What was asked for, e.g. `deploy`. */
  readonly action: string;
  /** Names of bundles, an id: never a value that could be a secret. */
  readonly target: string;
  /** `begin` before the action takes effect, `end` after it, `refused` when it was not allowed, `note` for what needs no permission. */
  readonly phase: 'begin' | 'end' | 'refused' | 'note';
  /** With `end`: sequence of its `begin`. */
  readonly of?: number;
  readonly outcome?: string;
  /** Stable code of the failure or refusal. */
  readonly code?: string;
  /** SHA-256 of the artifacts it is about. */
  readonly digests?: readonly string[];
}

/** A record of the chain. */
export interface AuditRecord extends AuditEntry {
  /** 1 for the first. */
  readonly sequence: number;
  /** How many digests there were, when not all are told. */
  readonly digestsInAll?: number;
  /** Hash of the record before. */
  readonly previous: string;
  /** SHA-256 of the record's own text up to here. */
  readonly hash: string;
}

/** Where a chain ends. */
export interface ChainHead {
  readonly sequence: number;
  readonly hash: string;
}

/** The end of a chain without records. */
export const EMPTY_HEAD: ChainHead = { sequence: 0, hash: GENESIS };

const HASH_FIELD = /,"hash":"([0-9a-f]{64})"\}$/;

/** The next record as a line, and the new head. */
export function encodeEntry(entry: AuditEntry, head: ChainHead): { readonly line: string; readonly head: ChainHead } {
  const sequence = head.sequence + 1;
  const { at, phase, of, outcome, code, digests = [] } = entry;
  const body = {
    sequence,
    at,
    actor: bounded(entry.actor),
    role: bounded(entry.role),
    action: bounded(entry.action),
    target: bounded(entry.target),
    phase,
    ...(of === undefined ? {} : { of }),
    ...(outcome === undefined ? {} : { outcome: bounded(outcome) }),
    ...(code === undefined ? {} : { code: bounded(code) }),
    ...(digests.length === 0 ? {} : { digests: digests.slice(0, DIGESTS_MAX) }),
    ...(digests.length <= DIGESTS_MAX ? {} : { digestsInAll: digests.length }),
    previous: head.hash,
  };
  const text = JSON.stringify(body).slice(0, -1);
  const hash = hashOf(text);
  return { line: `${text},"hash":"${hash}"}`, head: { sequence, hash } };
}

/** A line as a record; null when its text is not what was hashed. */
export function decodeLine(line: string): AuditRecord | null {
  const match = HASH_FIELD.exec(line);
  if (match === null || hashOf(line.slice(0, match.index)) !== match[1]) return null;
  try {
    return JSON.parse(line) as AuditRecord;
  } catch {
    // Only a forger hashes what is no JSON.
    return null;
  }
}

/** What the examination of a chain found. */
export type ChainVerdict =
  | { readonly intact: true; readonly records: number; readonly head: ChainHead }
  | {
      readonly intact: false;
      /** Number of the first record that is wrong or missing. */
      readonly sequence: number;
      readonly reason: string;
      /** File and line where it was noticed. */
      readonly where: string;
    };

/** Examines a chain line by line. */
export class ChainCheck {
  #head = EMPTY_HEAD;
  #bad: Extract<ChainVerdict, { intact: false }> | null = null;
  /** The hash that the chain had at the sequences that were asked for. */
  readonly #witnesses: readonly ChainHead[];

  /** @param witnesses heads that were kept elsewhere; the chain must contain each. */
  constructor(witnesses: readonly ChainHead[] = []) {
    this.#witnesses = witnesses;
  }

  /** Takes the next line. After the first bad one nothing more is looked at. */
  add(line: string, where: string): void {
    if (this.#bad !== null) return;
    const expected = this.#head.sequence + 1;
    const record = decodeLine(line);
    if (record === null) return this.#fail(expected, 'its text is not what was recorded', where);
    if (record.sequence !== expected) {
      return this.#fail(expected, `it is missing or out of order: record ${record.sequence} stands in its place`, where);
    }
    if (record.previous !== this.#head.hash) {
      // Its own hash fits, so either the record before was rewritten together with its hash, or this one was.
      return this.#fail(Math.max(1, expected - 1), `record ${expected} does not follow it: one of the two was rewritten`, where);
    }
    this.#head = { sequence: expected, hash: record.hash };
    const witness = this.#witnesses.find((one) => one.sequence === expected);
    if (witness !== undefined && witness.hash !== record.hash)
      this.#fail(expected, 'it is not the one whose hash was kept elsewhere', where);
  }

  /** The verdict, once every line was added. `head` null: it is missing or unreadable although there are records. */
  finish(head: ChainHead | null, where: string): ChainVerdict {
    const { sequence, hash } = this.#head;
    if (this.#bad !== null) return this.#bad;
    for (const witness of [...(head === null ? [] : [head]), ...this.#witnesses].sort((a, b) => a.sequence - b.sequence)) {
      if (witness.sequence > sequence) {
        return { intact: false, sequence: sequence + 1, reason: `it is missing: the log ends before record ${witness.sequence}`, where };
      }
      if (witness.sequence === sequence && witness.hash !== hash) {
        return { intact: false, sequence, reason: 'it is not the one that the head names', where };
      }
    }
    if (head === null && sequence > 0) return { intact: false, sequence, reason: 'the head of the log is missing or unreadable', where };
    return { intact: true, records: sequence, head: this.#head };
  }

  #fail(sequence: number, reason: string, where: string): void {
    this.#bad = { intact: false, sequence, reason, where };
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function bounded(text: string): string {
  return text.length <= TEXT_CHARACTERS_MAX ? text : `${text.slice(0, TEXT_CHARACTERS_MAX - 1)}…`;
}
