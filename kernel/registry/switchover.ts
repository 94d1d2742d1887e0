/**
 * The switch between two generations, and what surrounds it: opening a stage, committing or discarding it, withdrawing without a
 * successor, forgetting what older entries needed. A commit is one synchronous step in a fixed order: publish the staged services,
 * withdraw the replaced ones, count up the generation, retarget every reference, publishers, trackers, events.
 * Everything that can fail was done before, and what others throw here is only reported.
 */
import { SluiceError } from '@sluice/sdk';
import type { ShelfChange } from './consumer.js';
import type { RegistryCore } from './core.js';
import { discardPrepared, publishShelf } from './publication.js';
import { type ServiceRecord, compareRecords } from './record.js';
import type { Shelf } from './shelf.js';
import { StageState } from './stage.js';
import type { RevisionOwner } from './types.js';

/** See `ServiceRegistry.openStage`. */
export function openStage(core: RegistryCore, owners: readonly RevisionOwner[], replaces: readonly RevisionOwner[]): StageState {
  const stage = new StageState([...owners], [...replaces]);
  core.stages.add(stage);
  for (const owner of owners) {
    const book = core.books.find(owner);
    if (book === undefined) continue;
    for (const registration of book.registrations) {
      if (registration.current.state === 'withdrawn' && !registration.fading) stage.add(registration.revive());
    }
    for (const entry of book.publishers) {
      if (entry.shelf.publisher !== entry) stage.publishers.set(entry.shelf.contractId, entry);
    }
  }
  return stage;
}

/** See `ServiceRegistry.commit`. */
export function commitStage(core: RegistryCore, stage: StageState, generation: number): void {
  if (stage.state !== 'open') {
    throw new SluiceError('STAGE_NOT_OPEN', `The stage of ${stage.label} was ${stage.state} already: it cannot be committed`, {
      details: { state: stage.state },
    });
  }
  switchOver(core, stage, stage.replaces, generation);
}

/** See `ServiceRegistry.withdraw`. */
export function withdrawOwners(core: RegistryCore, owners: readonly RevisionOwner[], generation: number): void {
  switchOver(core, null, owners, generation);
}

/** See `ServiceRegistry.discard`. */
export function discardStage(core: RegistryCore, stage: StageState): void {
  if (stage.state !== 'open') return;
  discardPrepared(stage);
  const consumers = [...stage.consumers];
  const records = [...stage.allRecords()];
  const publishers = [...stage.publishers.values()];
  core.stages.delete(stage);
  stage.end('discarded');
  // A publisher on its way back existed before the stage and stays as it was.
  for (const entry of publishers) if (!entry.wasInCharge) entry.close();
  for (const consumer of consumers) consumer.close();
  for (const record of records) {
    record.stage = null;
    const { registration } = record;
    // A service on its way back stays withdrawn; any other was registered in this stage and ends with it.
    if (registration === null) continue;
    if (registration.current === record) registration.unregister();
    else {
      registration.abandon(record);
      record.drop();
    }
  }
  core.notifications.tell();
}

/** See `ServiceRegistry.retire`. */
export function retireGenerations(core: RegistryCore, upToGeneration: number): void {
  for (const shelf of [...core.unsettled]) {
    const { dropped, settled } = shelf.retire(upToGeneration);
    for (const record of dropped) record.registration?.abandon(record);
    if (settled) core.unsettled.delete(shelf);
  }
  core.retired(upToGeneration);
  core.notifications.tell();
}

interface Pending {
  readonly added: ServiceRecord[];
  readonly removed: ServiceRecord[];
  /** False when no entry can have seen a service here before. */
  readonly hadServices: boolean;
  newPublisher: boolean;
}

function switchOver(core: RegistryCore, stage: StageState | null, replaces: readonly RevisionOwner[], generation: number): void {
  if (!Number.isSafeInteger(generation) || generation < core.generation) {
    throw new SluiceError('GENERATION_INVALID', `Generation ${generation} cannot follow generation ${core.generation}`, {
      details: { found: generation, current: core.generation },
    });
  }
  // Whatever is told waits for the end of the step, and is told even if a mistake of this module breaks it off.
  core.notifications.hold();
  try {
    step(core, stage, replaces, generation);
  } finally {
    core.notifications.release();
  }
}

function step(core: RegistryCore, stage: StageState | null, replaces: readonly RevisionOwner[], generation: number): void {
  const changes = new Map<Shelf, Pending>();
  if (stage !== null) publishStaged(core, stage, generation, changes);
  for (const owner of stage?.owners ?? []) core.setVisibility(owner, { since: generation, until: Number.POSITIVE_INFINITY });
  for (const owner of replaces) withdrawOwner(core, owner, generation, changes);
  core.generation = generation;
  if (stage !== null) {
    switchPublishers(core, stage, changes);
    for (const consumer of stage.consumers) consumer.leaveStage();
  }
  for (const [shelf, change] of changes) retarget(core, shelf, change);
  for (const [shelf, change] of changes) publishShelf(shelf, stage, change.newPublisher, change.added, change.removed);
  if (stage !== null) {
    core.stages.delete(stage);
    discardPrepared(stage);
    stage.end('committed');
  }
  for (const { added } of changes.values()) for (const record of added) core.notifications.addEvent('REGISTERED', record, generation);
  for (const { removed } of changes.values())
    for (const record of removed) core.notifications.addEvent('UNREGISTERING', record, generation);
}

function publishStaged(core: RegistryCore, stage: StageState, generation: number, changes: Map<Shelf, Pending>): void {
  for (const record of stage.allRecords()) {
    const { registration } = record;
    if (registration === null) continue;
    const change = changeOf(changes, registration.shelf);
    registration.shelf.publish(record, generation);
    registration.promote(record);
    change.added.push(record);
  }
}

function withdrawOwner(core: RegistryCore, owner: RevisionOwner, generation: number, changes: Map<Shelf, Pending>): void {
  core.setVisibility(owner, { since: core.visibilityOf(owner).since, until: generation });
  const book = core.books.find(owner);
  if (book === undefined) return;
  for (const { current, shelf } of book.registrations) {
    if (current.state !== 'published') continue;
    const change = changeOf(changes, shelf);
    shelf.withdraw(current, generation);
    change.removed.push(current);
  }
  for (const entry of book.publishers) if (entry.shelf.publisher === entry) entry.shelf.publisher = null;
}

function switchPublishers(core: RegistryCore, stage: StageState, changes: Map<Shelf, Pending>): void {
  for (const [contractId, entry] of stage.publishers) {
    const shelf = core.shelf(contractId);
    shelf.publisher = entry;
    entry.wasInCharge = true;
    changeOf(changes, shelf).newPublisher = true;
  }
}

function retarget(core: RegistryCore, shelf: Shelf, pending: Pending): void {
  if (pending.added.length === 0 && pending.removed.length === 0) return;
  if (pending.hadServices) {
    shelf.switched(core.generation);
    core.unsettled.add(shelf);
  }
  const change: ShelfChange = {
    added: pending.added,
    removed: pending.removed,
    modified: null,
    bestAdded: bestOf(pending.added),
  };
  shelf.refresh(change);
}

function changeOf(changes: Map<Shelf, Pending>, shelf: Shelf): Pending {
  let change = changes.get(shelf);
  if (change === undefined) {
    change = { added: [], removed: [], hadServices: shelf.everHad, newPublisher: false };
    changes.set(shelf, change);
  }
  return change;
}

function bestOf(records: readonly ServiceRecord[]): ServiceRecord | null {
  let best: ServiceRecord | null = null;
  for (const record of records) if (best === null || compareRecords(record, best) < 0) best = record;
  return best;
}
