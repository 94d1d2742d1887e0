/** The part of publishers in a swap: who is asked to prepare what, and what each publishes in the switch. */
import type { RegistryCore } from './core.js';
import type { PublisherEntry } from './publishers.js';
import type { ServiceRecord } from './record.js';
import type { Shelf } from './shelf.js';
import type { StageState } from './stage.js';

/** The publisher of a contract as it will be after the stage is committed. */
function publisherAfter(stage: StageState, shelf: Shelf): PublisherEntry | null {
  const staged = stage.publishers.get(shelf.contractId);
  if (staged !== undefined) return staged;
  return shelf.publisher === null || stage.hides(shelf.publisher.book.owner) ? null : shelf.publisher;
}

/** Contracts for which the stage brings, replaces or publishes services. */
function concerned(core: RegistryCore, stage: StageState): ReadonlySet<Shelf> {
  const shelves = new Set<Shelf>();
  for (const contractId of [...stage.publishers.keys(), ...stage.contractIds()]) shelves.add(core.shelf(contractId));
  for (const owner of stage.replaces) {
    for (const registration of core.books.find(owner)?.registrations ?? []) shelves.add(registration.shelf);
  }
  return shelves;
}

/** True when a publisher would be asked about the stage. */
export function concernsPublishers(core: RegistryCore, stage: StageState): boolean {
  for (const shelf of concerned(core, stage)) if (publisherAfter(stage, shelf) !== null) return true;
  return false;
}

/**
 * Lets every publisher concerned prepare. May be called again for services that came later: what was prepared before is discarded.
 * A publisher that is itself new prepares everything that will be there after the switch.
 */
export async function prepareStage(core: RegistryCore, stage: StageState, signal: AbortSignal): Promise<void> {
  discardPrepared(stage);
  for (const shelf of concerned(core, stage)) {
    const publisher = publisherAfter(stage, shelf);
    if (publisher === null) continue;
    await publisher.idle();
    signal.throwIfAborted();
    const remaining = shelf.ranked.filter((record) => !stage.hides(record.owner));
    const wanted = new Set([...remaining, ...stage.recordsOf(shelf.contractId)]);
    const fresh = [...wanted].filter((record) => !publisher.known.has(record));
    if (fresh.length === 0) continue;
    const prepared = await publisher.prepare(
      fresh,
      [...publisher.known].filter((record) => !wanted.has(record)),
    );
    if (stage.state !== 'open') {
      publisher.discard(prepared);
      return;
    }
    stage.prepared.set(publisher, prepared);
    signal.throwIfAborted();
  }
}

/** Lets every publisher test what it prepared. */
export async function probeStage(stage: StageState, signal: AbortSignal): Promise<void> {
  for (const [publisher, prepared] of [...stage.prepared]) {
    signal.throwIfAborted();
    await publisher.probe(prepared, signal);
  }
}

/** Frees what was prepared and will not be published. */
export function discardPrepared(stage: StageState): void {
  for (const [publisher, prepared] of stage.prepared) publisher.discard(prepared);
  stage.prepared.clear();
}

/** Publishes one contract inside the switch. Cannot throw: what publishers throw is reported. */
export function publishShelf(
  shelf: Shelf,
  stage: StageState | null,
  isNew: boolean,
  added: readonly ServiceRecord[],
  withdrawn: readonly ServiceRecord[],
): void {
  const { publisher } = shelf;
  if (publisher === null) return;
  const prepared = stage?.prepared.get(publisher);
  stage?.prepared.delete(publisher);
  const removed = isNew ? [...publisher.known].filter((record) => record.state !== 'published') : withdrawn;
  publisher.publish(prepared, removed);
  // Registered after the preparation: published a moment later, in order.
  const missed = (isNew ? shelf.ranked : added).filter((record) => !publisher.known.has(record));
  if (missed.length > 0) publisher.catchUp(missed);
}
