/**
 * One reference of one component: follows the matching services, says whether it is satisfied and whether what an instance was built
 * with still holds. Changes are only noted here; the runtime acts on them later, outside the registry's step.
 */
import type { OptionalReference, ReferenceMetadata, ServiceView } from '@sluice/sdk';
import type { Handle, ReferenceRequest, RevisionOwner, ServiceRegistry, Stage } from '../registry/index.js';
import type { ReferenceDescription } from './types.js';

/** What an activation gets for a reference. */
export interface AcquiredReference extends Handle {
  readonly value: unknown;
  /** Services an instance with a static reference was built with. */
  readonly boundIds: readonly number[];
}

const NOTHING_BOUND: AcquiredReference = Object.freeze({
  value: Object.freeze({ get: () => undefined }) satisfies OptionalReference<object>,
  boundIds: Object.freeze([]),
  close: () => undefined,
});

export class ReferenceSlot {
  private readonly views = new Map<number, ServiceView>();
  private tracker: Handle | null = null;

  constructor(
    readonly metadata: ReferenceMetadata,
    private readonly owner: RevisionOwner,
    private readonly registry: ServiceRegistry,
    private readonly changed: () => void,
  ) {}

  get mandatory(): boolean {
    return this.metadata.cardinality.startsWith('1');
  }

  get satisfied(): boolean {
    return !this.mandatory || this.views.size > 0;
  }

  /** Begins to follow. @throws SluiceError `FILTER_INVALID`, `RANGE_INVALID` */
  open(stage: Stage | null): void {
    const note = (change: () => void): void => {
      change();
      this.changed();
    };
    this.tracker = this.registry.track(
      this.owner,
      this.metadata.contract,
      {
        added: (_service, view) => note(() => this.views.set(view.id, view)),
        modified: (_service, view) => note(() => this.views.set(view.id, view)),
        removed: (_service, view) => note(() => this.views.delete(view.id)),
      },
      this.request(),
      stage,
    );
  }

  close(): void {
    this.tracker?.close();
    this.tracker = null;
  }

  /** Acquires what the constructor parameter gets: the service, an optional reference or a list, by cardinality. */
  acquire(stage: Stage | null): AcquiredReference {
    const { contract, cardinality, policy } = this.metadata;
    const request: ReferenceRequest = { ...this.request(), sticky: policy === 'static' };
    const boundIds = this.used().map((view) => view.id);
    if (cardinality === '1..1') {
      const handle = this.registry.reference(this.owner, contract, request, stage);
      return { value: handle.service, boundIds, close: () => handle.close() };
    }
    // Static means bound when built: an instance built with nothing is given nothing until it is built anew.
    if (cardinality === '0..1' && policy === 'static' && boundIds.length === 0) return NOTHING_BOUND;
    if (cardinality === '0..1') {
      const handle = this.registry.optional(this.owner, contract, request, stage);
      return { value: handle.reference, boundIds, close: () => handle.close() };
    }
    const handle = this.registry.list(this.owner, contract, request, stage);
    return { value: handle.list, boundIds, close: () => handle.close() };
  }

  /** True when all services an instance was built with are still there. */
  holds(boundIds: readonly number[]): boolean {
    return this.metadata.policy === 'dynamic' || boundIds.every((id) => this.views.has(id));
  }

  /** True when an instance built with these services must be built anew: one is gone, or a greedy reference has found better. */
  demandsRebuild(boundIds: readonly number[]): boolean {
    if (!this.holds(boundIds)) return true;
    if (this.metadata.policy === 'dynamic' || this.metadata.policyOption === 'reluctant') return false;
    const wanted = this.used().map((view) => view.id);
    return wanted.length !== boundIds.length || wanted.some((id) => !boundIds.includes(id));
  }

  describe(): ReferenceDescription {
    const { contract, cardinality, policy } = this.metadata;
    return {
      contract: contract.id,
      cardinality,
      policy,
      satisfied: this.satisfied,
      bound: this.used().map((view) => `${view.bundle}@${view.bundleVersion}#${view.id}`),
    };
  }

  /** Why the reference is not satisfied, for people. */
  missing(): string {
    const { contract, range, filter } = this.metadata;
    const wished = range ?? `${contract.version} or a later one of the same major`;
    return `needs service '${contract.id}' (${wished})${filter === undefined ? '' : ` with ${filter}`}, which no active bundle provides`;
  }

  /** Services the reference uses: all of a multiple one, the best of a single one. */
  private used(): readonly ServiceView[] {
    const ranked = [...this.views.values()].sort((a, b) => b.ranking - a.ranking || a.id - b.id);
    return this.metadata.cardinality.endsWith('n') ? ranked : ranked.slice(0, 1);
  }

  private request(): ReferenceRequest {
    const { filter, range } = this.metadata;
    return { ...(filter === undefined ? {} : { filter }), ...(range === undefined ? {} : { range }) };
  }
}
