/**
 * The journal with the audit log in front of it: every change that the journal records as begun is in the audit log first, whoever asked for
 * it: a bundle that watches a folder, the first start, probation, recovery. What came through the admin interface was recorded there with
 * the name and roles of its sender, and is left out here.
 */
import type { AuditRecorder, AuditTicket } from '../trust/ports.js';
import type { KnownVersion } from '../trust/version-rules.js';
import type { BeginRecord, Journal, JournalRecord, JournalView } from './ports.js';

/** What is told besides. */
export interface JournalFollower {
  /** True for a change that its sender has recorded already. */
  readonly isRecorded: (deployId: string) => boolean;
  /** Told the contents that a committed change made current. */
  readonly committed: (contents: readonly KnownVersion[]) => void;
}

/** A journal that records in the audit log. */
export class RecordedJournal implements Journal {
  /** Changes begun and undecided, with their audit record where they have one here. */
  readonly #begun = new Map<string, { readonly begin: BeginRecord; readonly ticket: AuditTicket | null }>();

  constructor(
    private readonly journal: Journal,
    private readonly audit: AuditRecorder,
    private readonly follower: JournalFollower,
  ) {
    for (const begin of journal.view.undecided) this.#begun.set(begin.deployId, { begin, ticket: null });
  }

  get view(): JournalView {
    return this.journal.view;
  }

  get poisoned(): boolean {
    return this.journal.poisoned;
  }

  get repairs(): Journal['repairs'] {
    return this.journal.repairs;
  }

  async append(records: JournalRecord | readonly JournalRecord[]): Promise<void> {
    const all = 'type' in records ? [records] : records;
    // Side by side with the journal's own sync: a begin without commit changes nothing, so neither has to wait for the other.
    const begun = all.flatMap((record) => (record.type === 'begin' ? [this.#begin(record)] : []));
    const decides = all.some((record) => record.type === 'commit');
    if (decides) await Promise.all(begun);
    await Promise.all([this.journal.append(records), ...begun]);
    for (const record of all) this.#after(record);
  }

  async #begin(begin: BeginRecord): Promise<void> {
    const { deployId, actor, kind, changes } = begin;
    this.#begun.set(deployId, { begin, ticket: null });
    if (this.follower.isRecorded(deployId)) return;
    const target = changes.map(({ symbolicName }) => symbolicName).join(' ');
    const digests = changes.flatMap(({ to }) => (to === null ? [] : [to.digest]));
    const ticket = await this.audit.begin({ actor, role: 'kernel', action: kind, target, digests });
    this.#begun.set(deployId, { begin, ticket });
  }

  #after(record: JournalRecord): void {
    if (record.type === 'commit' || record.type === 'abort') {
      const change = this.#begun.get(record.deployId);
      this.#begun.delete(record.deployId);
      if (record.type === 'abort') void change?.ticket?.end({ outcome: `refused ${record.deployId}`, code: record.error.code });
      else if (change !== undefined) {
        this.follower.committed(contentsOf(change.begin));
        void change.ticket?.end({ outcome: `committed ${record.deployId}` });
      }
    } else if (record.type === 'done' && record.outcome === 'rolled-back') {
      const entry = {
        actor: 'kernel',
        role: 'kernel',
        action: 'rollback',
        target: record.deployId,
        phase: 'note',
        outcome: 'rolled-back',
      } as const;
      // A failed write refuses the next action; the way back must not wait for it.
      this.audit.write(entry).catch(() => undefined);
    }
  }

  compact(at: number): Promise<void> {
    return this.journal.compact(at);
  }

  close(): Promise<void> {
    return this.journal.close();
  }
}

function contentsOf({ changes }: BeginRecord): KnownVersion[] {
  return changes.flatMap(({ symbolicName, to }) => (to === null ? [] : [{ bundle: symbolicName, version: to.version, digest: to.digest }]));
}
