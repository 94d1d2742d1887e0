/** Looks across the whole registry: what is registered, who uses whom, what an owner left behind. */
import type { Filter } from '../model/index.js';
import type { RegistryCore } from './core.js';
import type { RegisteredService, RevisionOwner } from './types.js';

/** Published services, in order of their ids. */
export function registeredServices(core: RegistryCore, filter: Filter | null): readonly RegisteredService[] {
  const found: RegisteredService[] = [];
  for (const shelf of core.shelves.values()) {
    for (const record of shelf.ranked) {
      if (filter !== null && !filter.matchesNormalised(record.normalised())) continue;
      const { id, identity, owner, ranking } = record;
      const users = new Set<string>();
      for (const consumer of shelf.usersOf(record)) users.add(nameOf(consumer.book.owner));
      found.push({
        id,
        contract: identity.contractId,
        version: identity.contractVersion,
        bundle: owner.symbolicName,
        bundleVersion: owner.version,
        ranking,
        scope: identity.scope,
        properties: record.view().properties,
        users: [...users].sort(),
      });
    }
  }
  return found.sort((a, b) => a.id - b.id);
}

/** Owners, others than itself, bound to a service of this owner. */
export function usersOfOwner(core: RegistryCore, owner: RevisionOwner): readonly RevisionOwner[] {
  const users = new Set<RevisionOwner>();
  for (const { incarnations, shelf } of core.books.find(owner)?.registrations ?? []) {
    for (const record of incarnations) for (const consumer of shelf.usersOf(record)) users.add(consumer.book.owner);
  }
  users.delete(owner);
  return [...users];
}

/** Removes whatever an owner still holds and names each thing. */
export function forgetOwner(core: RegistryCore, owner: RevisionOwner): readonly string[] {
  core.forgetReturn(owner);
  const book = core.books.find(owner);
  if (book === undefined) return [];
  const leftovers: string[] = [];
  core.notifications.hold();
  for (const entry of [...book.publishers]) {
    leftovers.push(`publisher of ${entry.shelf.contractId}`);
    entry.close();
  }
  while (book.firstConsumer !== null) {
    leftovers.push(`${book.firstConsumer.kind} to ${book.firstConsumer.shelf.contractId}`);
    book.firstConsumer.close();
  }
  for (const registration of [...book.registrations]) {
    leftovers.push(`service ${registration.current.id} ${registration.shelf.contractId}`);
    registration.unregister();
  }
  core.notifications.release();
  return leftovers;
}

function nameOf(owner: RevisionOwner): string {
  return `${owner.symbolicName}@${owner.version}`;
}
