/** What revisions being prepared have registered and asked for, invisible to everyone else until the commit. */
import type { Consumer } from './consumer.js';
import type { PreparedPublication, PublisherEntry } from './publishers.js';
import { type ServiceRecord, insertRanked, removeRecord } from './record.js';
import type { RevisionOwner, Stage } from './types.js';

const NONE: readonly ServiceRecord[] = [];

export class StageState implements Stage {
  state: 'open' | 'committed' | 'discarded' = 'open';
  readonly consumers = new Set<Consumer>();
  readonly publishers = new Map<string, PublisherEntry>();
  readonly prepared = new Map<PublisherEntry, PreparedPublication>();
  /** Names of the owners, also after the end. */
  readonly label: string;
  private readonly records = new Map<string, ServiceRecord[]>();
  private readonly hidden: Set<RevisionOwner>;

  constructor(
    public owners: readonly RevisionOwner[],
    public replaces: readonly RevisionOwner[],
  ) {
    this.label = owners.map((owner) => `'${owner.symbolicName}' ${owner.version}`).join(', ') || 'nobody';
    this.hidden = new Set(replaces);
  }

  /** True when services of this owner are replaced, so that the stage does not see them. */
  hides(owner: RevisionOwner): boolean {
    return this.hidden.has(owner);
  }

  contractIds(): IterableIterator<string> {
    return this.records.keys();
  }

  /** Staged services of a contract, best first. */
  recordsOf(contractId: string): readonly ServiceRecord[] {
    return this.records.get(contractId) ?? NONE;
  }

  *allRecords(): IterableIterator<ServiceRecord> {
    for (const records of this.records.values()) yield* records;
  }

  add(record: ServiceRecord): void {
    record.state = 'staged';
    record.stage = this;
    const { contractId } = record.identity;
    const records = this.records.get(contractId);
    if (records === undefined) this.records.set(contractId, [record]);
    else insertRanked(records, record);
  }

  remove(record: ServiceRecord): void {
    const { contractId } = record.identity;
    const records = this.records.get(contractId);
    if (records !== undefined && removeRecord(records, record) && records.length === 0) this.records.delete(contractId);
  }

  /** Lets go of everything, so that a revision which keeps its stage keeps no other revision alive. */
  end(state: 'committed' | 'discarded'): void {
    this.state = state;
    this.owners = this.replaces = [];
    this.hidden.clear();
    this.consumers.clear();
    this.publishers.clear();
    this.prepared.clear();
    this.records.clear();
  }
}
