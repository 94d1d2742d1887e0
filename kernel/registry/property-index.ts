/**
 * Equality index over the published services of one contract. A key is indexed at the first filter that asks for its equality;
 * what the index yields is always a superset of the matches, in rank order, and is checked against the filter afterwards.
 */
import { type Filter, indexKeysOf } from '../model/index.js';
import { type ServiceRecord, compareRecords, insertRanked, removeRecord } from './record.js';

/** Below this many services a scan costs less than the look-up. */
const SCAN_MAX = 16;
/** Most keys indexed per contract: each costs a posting per service and change. Further keys are scanned. */
const KEYS_MAX = 16;

type Postings = Map<string, ServiceRecord[]>;
const NONE: readonly ServiceRecord[] = [];

export class PropertyIndex {
  private readonly keys = new Map<string, Postings>();

  /** Services that may match, in rank order: those of the rarest indexed equality, or all. */
  candidates(filter: Filter, ranked: readonly ServiceRecord[]): readonly ServiceRecord[] {
    if (ranked.length <= SCAN_MAX) return ranked;
    let best = ranked;
    for (const equality of filter.equalities()) {
      const postings = this.postingsOf(equality.key, ranked);
      if (postings === undefined) continue;
      const found = postingsUnder(postings, equality.indexKeys);
      if (found.length < best.length) best = found;
      if (best.length === 0) break;
    }
    return best;
  }

  /** Adds a service that was just published or changed. */
  add(record: ServiceRecord): void {
    for (const [key, postings] of this.keys) file(postings, key, record);
  }

  /** Removes a service. Must be called before its properties or ranking change. */
  remove(record: ServiceRecord): void {
    for (const [key, postings] of this.keys) {
      for (const indexKey of indexKeysOf(record.normalised()[key])) {
        const posting = postings.get(indexKey);
        if (posting === undefined) continue;
        removeRecord(posting, record);
        if (posting.length === 0) postings.delete(indexKey);
      }
    }
  }

  private postingsOf(key: string, ranked: readonly ServiceRecord[]): Postings | undefined {
    let postings = this.keys.get(key);
    if (postings === undefined && this.keys.size < KEYS_MAX) {
      postings = new Map();
      for (const record of ranked) file(postings, key, record);
      this.keys.set(key, postings);
    }
    return postings;
  }
}

function file(postings: Postings, key: string, record: ServiceRecord): void {
  const value = record.normalised()[key];
  if (value === undefined) return;
  for (const indexKey of indexKeysOf(value)) {
    const posting = postings.get(indexKey);
    if (posting === undefined) postings.set(indexKey, [record]);
    else insertRanked(posting, record);
  }
}

function postingsUnder(postings: Postings, indexKeys: readonly string[]): readonly ServiceRecord[] {
  let only: readonly ServiceRecord[] = NONE;
  let union: Set<ServiceRecord> | null = null;
  for (const indexKey of indexKeys) {
    const posting = postings.get(indexKey);
    if (posting === undefined) continue;
    if (only.length === 0) only = posting;
    else union = new Set([...(union ?? only), ...posting]);
  }
  return union === null ? only : [...union].sort(compareRecords);
}
