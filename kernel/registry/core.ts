/** The state shared by the parts of the registry: shelves by contract, books by owner, open stages, the current generation. */
import { type Contract, SluiceError } from '@sluice/sdk';
import { type ForwarderMaker, forwarderMakerOf } from './forwarder.js';
import { Notifications } from './notifications.js';
import { OwnerBooks } from './owner-book.js';
import { FilterCache, type Query, plainQuery } from './query.js';
import { Shelf } from './shelf.js';
import type { StageState } from './stage.js';
import type { RegistryOptions, RevisionOwner, Stage } from './types.js';

/** What the registry knows about one contract object: found by identity, so the checks are made once per contract and revision. */
export interface ContractFacts {
  readonly shelf: Shelf;
  readonly query: Query;
  readonly methods: readonly string[];
  readonly maker: ForwarderMaker;
}

/** First generation that sees an owner, and first one that no longer does. */
export interface Visibility {
  readonly since: number;
  readonly until: number;
}

/** Owners that never were in a stage (the kernel, tests) are visible to every entry. */
const ALWAYS: Visibility = { since: 0, until: Number.POSITIVE_INFINITY };

export class RegistryCore {
  generation = 0;
  readonly books = new OwnerBooks();
  readonly notifications: Notifications;
  readonly filters = new FilterCache();
  readonly stages = new Set<StageState>();
  /** Shelves on which older entries may see something else than new ones. */
  readonly unsettled = new Set<Shelf>();
  /** One per contract id ever used: a few hundred bytes each, and their number is that of the contracts in the system. */
  readonly shelves = new Map<string, Shelf>();
  /** No entry below this generation is left. */
  retiredUpTo = 0;
  private readonly visibilities = new WeakMap<RevisionOwner, Visibility>();
  /** Weak, because most replaced revisions never come back. */
  private readonly returnWaiters = new WeakMap<RevisionOwner, () => void>();
  private drainWaiters: { readonly generation: number; readonly callback: () => void }[] = [];
  private readonly facts = new WeakMap<Contract, ContractFacts>();
  private lastServiceId = 0;

  constructor(readonly options: RegistryOptions) {
    this.notifications = new Notifications(options.warn.bind(options));
  }

  nextServiceId(): number {
    return (this.lastServiceId += 1);
  }

  /** @throws SluiceError `CONTRACT_INVALID` */
  factsOf(contract: Contract): ContractFacts {
    return this.facts.get(contract) ?? this.learn(contract);
  }

  shelf(contractId: string): Shelf {
    let shelf = this.shelves.get(contractId);
    if (shelf === undefined) {
      shelf = new Shelf(contractId, this.options.entryGeneration.bind(this.options), this.notifications);
      this.shelves.set(contractId, shelf);
    }
    return shelf;
  }

  /** Which generations see what an owner registers outside of a stage. */
  visibilityOf(owner: RevisionOwner): Visibility {
    return this.visibilities.get(owner) ?? ALWAYS;
  }

  setVisibility(owner: RevisionOwner, visibility: Visibility): void {
    this.visibilities.set(owner, visibility);
    const waiter = this.returnWaiters.get(owner);
    if (waiter === undefined || visibility.until !== Number.POSITIVE_INFINITY) return;
    this.returnWaiters.delete(owner);
    this.notifications.add(`return of '${owner.symbolicName}' ${owner.version}`, waiter);
  }

  isWithdrawn(owner: RevisionOwner): boolean {
    return this.visibilityOf(owner).until !== Number.POSITIVE_INFINITY;
  }

  /** See `ServiceRegistry.whenVisible`. */
  whenVisible(owner: RevisionOwner, callback: () => void): void {
    if (this.isWithdrawn(owner)) this.returnWaiters.set(owner, callback);
    else callback();
  }

  /** The owner has ended for good. Weakness is not enough: whoever holds the owner would hold its components. */
  forgetReturn(owner: RevisionOwner): void {
    this.returnWaiters.delete(owner);
  }

  /** See `ServiceRegistry.whenDrained`. */
  whenDrained(callback: () => void): () => void {
    if (this.unsettled.size === 0) {
      callback();
      return () => undefined;
    }
    const waiter = { generation: this.generation, callback };
    this.drainWaiters.push(waiter);
    return () => {
      this.drainWaiters = this.drainWaiters.filter((other) => other !== waiter);
    };
  }

  /** Entries below this generation are over: tells whoever waited for it. */
  retired(upToGeneration: number): void {
    this.retiredUpTo = Math.max(this.retiredUpTo, upToGeneration);
    const ready = this.drainWaiters.filter(({ generation }) => generation <= upToGeneration || this.unsettled.size === 0);
    this.drainWaiters = this.drainWaiters.filter((waiter) => !ready.includes(waiter));
    for (const { callback } of ready) this.notifications.add('end of older entries', callback);
  }

  /** The open stage behind a handle; null when work is to take effect at once. @throws SluiceError `STAGE_DISCARDED` */
  openStageOf(stage: Stage | null): StageState | null {
    if (stage === null || stage.state === 'committed') return null;
    if (stage.state === 'open' && this.stages.has(stage as StageState)) return stage as StageState;
    throw new SluiceError('STAGE_DISCARDED', `The stage of ${labelOf(stage)} was discarded: nothing can be registered or looked up in it`, {
      details: { owners: labelOf(stage) },
      remedy: 'Open another stage.',
    });
  }

  private learn(contract: Contract): ContractFacts {
    const query = plainQuery(contract);
    const learned: ContractFacts = {
      shelf: this.shelf(contract.id),
      query,
      methods: Object.keys(contract.methods),
      maker: forwarderMakerOf(contract),
    };
    this.facts.set(contract, learned);
    return learned;
  }
}

function labelOf(stage: Stage): string {
  return (stage as StageState).label;
}
