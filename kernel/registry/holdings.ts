/**
 * Objects that a consumer obtained from service factories, counted so that each is given back exactly once.
 * Factories run at the first use, in the call of the consumer; giving back runs after the change that caused it.
 */
import { type ServiceFactory, SluiceError, messageOf } from '@sluice/sdk';
import type { Notifications } from './notifications.js';
import type { ServiceRecord } from './record.js';
import type { RevisionOwner } from './types.js';

export class Holdings {
  private readonly held = new Map<ServiceRecord, object>();

  constructor(
    private readonly consumer: RevisionOwner,
    private readonly notifications: Notifications,
  ) {}

  /** The object for this consumer; made now when there is none. @throws SluiceError `SERVICE_FACTORY_FAILED`, `SERVICE_INCOMPLETE` */
  obtain(record: ServiceRecord): object {
    if (record.service !== null) return record.service;
    const held = this.held.get(record);
    if (held !== undefined) return held;
    const { identity } = record;
    if (identity.scope === 'singleton') {
      identity.made ??= { object: make(record, this.consumer), consumer: this.consumer };
      return (record.service = identity.made.object);
    }
    const object = identity.scope === 'bundle' ? this.share(record) : make(record, this.consumer);
    this.held.set(record, object);
    return object;
  }

  /** Gives back the object of one service. */
  release(record: ServiceRecord): void {
    const object = this.held.get(record);
    if (object === undefined) return;
    this.held.delete(record);
    if (record.identity.scope === 'bundle') {
      const shared = record.instances?.get(this.consumer);
      if (shared === undefined || (shared.holders -= 1) > 0) return;
      record.instances?.delete(this.consumer);
    }
    giveBack(record, this.consumer, object, this.notifications);
  }

  /** Gives back everything but the objects of the services named. */
  releaseAllBut(...kept: readonly (ServiceRecord | null)[]): void {
    for (const record of [...this.held.keys()]) if (!kept.includes(record)) this.release(record);
  }

  private share(record: ServiceRecord): object {
    const instances = (record.instances ??= new Map());
    let shared = instances.get(this.consumer);
    if (shared === undefined) {
      const object = make(record, this.consumer);
      // The factory may have asked for its own service and got here first.
      shared = instances.get(this.consumer) ?? { object, holders: 0 };
      instances.set(this.consumer, shared);
    }
    shared.holders += 1;
    return shared.object;
  }
}

/** Gives an object back to the factory that made it, after the change in progress. */
export function giveBack(record: ServiceRecord, consumer: RevisionOwner, object: object, notifications: Notifications): void {
  const { factory } = record;
  if (factory?.ungetService === undefined) return;
  notifications.add(`ungetService of ${describe(record)}`, () => factory.ungetService?.(consumerInfo(consumer), object));
}

/** The methods of a contract that an object lacks. */
export function missingMethods(service: object, methods: readonly string[]): readonly string[] {
  return methods.filter((name) => typeof (service as Record<string, unknown>)[name] !== 'function');
}

function make(record: ServiceRecord, consumer: RevisionOwner): object {
  let object: unknown;
  try {
    object = (record.factory as ServiceFactory<unknown>).getService(consumerInfo(consumer));
  } catch (error) {
    throw new SluiceError(
      'SERVICE_FACTORY_FAILED',
      `The factory of ${describe(record)} made no service for '${consumer.symbolicName}': ${messageOf(error)}`,
      {
        details: { contract: record.identity.contractId, provider: record.owner.symbolicName, consumer: consumer.symbolicName },
        cause: error,
        retryable: true,
        httpStatus: 503,
        remedy: `Look into '${record.owner.symbolicName}'; the next call tries again.`,
      },
    );
  }
  const isObject = (typeof object === 'object' && object !== null) || typeof object === 'function';
  const missing = isObject ? missingMethods(object as object, record.identity.methods) : record.identity.methods;
  if (!isObject || missing.length > 0) {
    throw new SluiceError(
      'SERVICE_INCOMPLETE',
      `The factory of ${describe(record)} returned ${isObject ? `an object without ${missing.join(', ')}` : typeof object}`,
      {
        details: { contract: record.identity.contractId, provider: record.owner.symbolicName, missing },
        remedy: 'Return an object with every method of the contract.',
      },
    );
  }
  return object as object;
}

function consumerInfo(owner: RevisionOwner): { readonly bundle: string; readonly version: string } {
  return { bundle: owner.symbolicName, version: owner.version };
}

function describe(record: ServiceRecord): string {
  return `service ${record.id} '${record.identity.contractId}' of '${record.owner.symbolicName}' ${record.owner.version}`;
}
