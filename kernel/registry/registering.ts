/** Registering, changing and withdrawing single services: in a stage, or at once outside of one. */
import { type Contract, type ServiceProperties, SluiceError } from '@sluice/sdk';
import { NO_CHANGE, type ShelfChange, additionOf, modificationOf, removalOf } from './consumer.js';
import type { RegistryCore } from './core.js';
import { giveBack, missingMethods } from './holdings.js';
import { type ServiceIdentity, ServiceRecord } from './record.js';
import { type RegistrationPort, ServiceRegistration } from './registration.js';
import type { Shelf } from './shelf.js';
import type { StageState } from './stage.js';
import type { FactoryRegistration, RevisionOwner, ServiceScope } from './types.js';

const SCOPES: readonly unknown[] = ['singleton', 'bundle', 'prototype'] satisfies ServiceScope[];

export class Registering implements RegistrationPort {
  constructor(private readonly core: RegistryCore) {}

  /** See `ServiceRegistry.register`. */
  register(
    owner: RevisionOwner,
    contract: Contract,
    source: unknown,
    properties: ServiceProperties,
    stage: StageState | null,
  ): ServiceRegistration {
    const { core } = this;
    const { shelf, methods, query } = core.factsOf(contract);
    const factory = isFactoryRegistration(source) ? source : null;
    checkSource(owner, contract, source, factory, methods);
    const identity: ServiceIdentity = {
      id: core.nextServiceId(),
      owner,
      contractId: contract.id,
      contractVersion: contract.version,
      major: query.major,
      minor: query.minor,
      methods,
      scope: factory?.scope ?? 'singleton',
      made: null,
    };
    const record = new ServiceRecord(identity, factory === null ? (source as object) : null, factory?.factory ?? null, properties);
    this.warnOfRanking(record);
    const { since, until } = core.visibilityOf(owner);
    const isPublic = stage === null && until === Number.POSITIVE_INFINITY;
    // A publisher may refuse (a route conflict), so it is asked before anybody sees the service.
    const publish = isPublic ? shelf.publisher?.begin([record]) : undefined;
    const registration = new ServiceRegistration(this, shelf, core.books.of(owner), record);
    registration.book.addRegistration(registration);
    if (isPublic) {
      this.publish(record, shelf, since);
      publish?.();
      core.notifications.addEvent('REGISTERED', record, core.generation);
    } else if (stage !== null) {
      stage.add(record);
      refreshStage(stage, shelf, additionOf(record));
    } else {
      this.hide(record, shelf, since, until);
    }
    core.notifications.tell();
    return registration;
  }

  /** See `ServiceRegistry.withdrawService`. */
  withdraw(registration: ServiceRegistration): void {
    const { core } = this;
    const { current: record, shelf } = registration;
    registration.fading = true;
    const { stage } = record;
    if (stage !== null) {
      stage.remove(record);
      record.state = 'withdrawn';
      record.stage = null;
      refreshStage(stage, shelf, removalOf(record));
      core.notifications.tell();
    }
    if (record.state !== 'published') return;
    shelf.withdraw(record, core.generation);
    if (core.unsettled.size > 0) {
      shelf.switched(core.generation);
      core.unsettled.add(shelf);
    } else {
      // Without a switch being drained nobody would ever say that the older entries are over.
      shelf.dropHistory(record);
    }
    shelf.refresh(removalOf(record));
    shelf.publisher?.removed(record);
    core.notifications.addEvent('UNREGISTERING', record, core.generation);
    core.notifications.tell();
  }

  /** See `Registration.setProperties`. */
  changeProperties(registration: ServiceRegistration, properties: ServiceProperties): void {
    if (registration.closed) throw unregistered(registration);
    for (const record of registration.incarnations) this.change(record, registration.shelf, properties);
    this.warnOfRanking(registration.current);
    this.core.notifications.tell();
  }

  /** See `Registration.unregister`. */
  unregister(registration: ServiceRegistration): void {
    if (registration.closed) return;
    registration.closed = true;
    const { shelf, book } = registration;
    for (const record of [...registration.incarnations]) this.remove(record, shelf);
    registration.incarnations.length = 0;
    book.removeRegistration(registration);
    this.core.notifications.tell();
  }

  /** Visible at once, to every entry that can see its owner. */
  private publish(record: ServiceRecord, shelf: Shelf, since: number): void {
    const latestBorn = Math.max(since, shelf.latestBorn);
    if (latestBorn > this.core.retiredUpTo && shelf.everHad) {
      shelf.switched(latestBorn);
      this.core.unsettled.add(shelf);
    }
    shelf.publish(record, since);
    shelf.refresh(additionOf(record));
  }

  /** A replaced revision that still serves older entries may register: new entries must not see it beside its successor. */
  private hide(record: ServiceRecord, shelf: Shelf, since: number, until: number): void {
    record.state = 'withdrawn';
    record.born = since;
    record.died = until;
    if (until <= this.core.retiredUpTo) return;
    shelf.switched(until);
    shelf.addToHistory(record);
    this.core.unsettled.add(shelf);
    shelf.refresh(NO_CHANGE);
  }

  private change(record: ServiceRecord, shelf: Shelf, properties: ServiceProperties): void {
    const stage = record.stage;
    if (record.state === 'published') {
      const before = record.normalised();
      shelf.change(record, () => record.setProperties(properties));
      shelf.refresh(modificationOf(record));
      this.core.notifications.addEvent('MODIFIED', record, this.core.generation, before);
    } else if (stage !== null) {
      stage.remove(record);
      try {
        record.setProperties(properties);
      } finally {
        stage.add(record);
      }
      refreshStage(stage, shelf, modificationOf(record));
    } else {
      record.setProperties(properties);
      // Older entries may look for it by its properties.
      shelf.epoch += 1;
    }
  }

  private remove(record: ServiceRecord, shelf: Shelf): void {
    const { notifications, generation } = this.core;
    const { stage, state } = record;
    stage?.remove(record);
    shelf.remove(record);
    if (shelf.cutBefore > 0) this.core.unsettled.add(shelf);
    // From here on nobody chooses it any more; only then are the consumers told.
    record.state = 'gone';
    if (stage !== null) refreshStage(stage, shelf, removalOf(record));
    if (state === 'published') {
      shelf.refresh(removalOf(record));
      shelf.publisher?.removed(record);
      notifications.addEvent('UNREGISTERING', record, generation);
    }
    shelf.forget(record);
    const { made } = record.identity;
    if (made !== null) giveBack(record, made.consumer, made.object, notifications);
    record.identity.made = null;
    record.drop();
  }

  private warnOfRanking(record: ServiceRecord): void {
    const { unusableRanking: found, identity, owner } = record;
    if (found === undefined) return;
    this.core.options.warn(
      'SERVICE_RANKING_INVALID',
      `Service ${identity.id} '${identity.contractId}' of '${owner.symbolicName}' counts with ranking 0: found ${typeof found} '${String(found)}', expected an integer`,
      { id: identity.id, contract: identity.contractId, bundle: owner.symbolicName, found: String(found) },
    );
  }
}

/** Tells only the consumers that see the stage. */
function refreshStage(stage: StageState, shelf: Shelf, change: ShelfChange): void {
  shelf.epoch += 1;
  for (const consumer of stage.consumers) if (consumer.shelf === shelf) consumer.refresh(change);
}

/** A plain object with exactly the keys `factory` and `scope`: no service contract can be met by accident with these values. */
function isFactoryRegistration(source: unknown): source is FactoryRegistration {
  if (typeof source !== 'object' || source === null) return false;
  const { factory, scope } = source as Partial<FactoryRegistration>;
  return SCOPES.includes(scope) && typeof factory?.getService === 'function' && Object.keys(source).length === 2;
}

function checkSource(
  owner: RevisionOwner,
  contract: Contract,
  source: unknown,
  factory: FactoryRegistration | null,
  methods: readonly string[],
): void {
  const details = { contract: contract.id, bundle: owner.symbolicName };
  if (factory !== null) {
    if (methods.length > 0) return;
    throw new SluiceError(
      'CONTRACT_NOT_CALLABLE',
      `'${owner.symbolicName}' cannot register a factory for '${contract.id}': the contract has no methods`,
      {
        details,
        remedy: 'Register the object itself.',
      },
    );
  }
  const isObject = (typeof source === 'object' && source !== null) || typeof source === 'function';
  const missing = isObject ? missingMethods(source, methods) : methods;
  if (isObject && missing.length === 0) return;
  throw new SluiceError(
    'SERVICE_INCOMPLETE',
    `'${owner.symbolicName}' cannot register '${contract.id}': found ${isObject ? `an object without ${missing.join(', ')}` : typeof source}, expected an object with every method of the contract`,
    { details: { ...details, missing }, remedy: 'Implement the methods named, or register under the contract version that lacks them.' },
  );
}

function unregistered(registration: ServiceRegistration): SluiceError {
  const { id, contractId, bundle } = registration.view;
  return new SluiceError(
    'SERVICE_UNREGISTERED',
    `Service ${id} '${contractId}' of '${bundle}' was unregistered: its properties cannot change`,
    {
      details: { id, contract: contractId, bundle },
      remedy: 'Register it again.',
    },
  );
}
