/**
 * One registered service in one incarnation: who owns it, what stands behind it, its properties and its place in time.
 * A revision that comes back after a rollback gets a new incarnation of each of its services, so that entries of older generations
 * keep seeing the interval in which the first one was visible. Properties and ranking change only through the registry.
 */
import { type ServiceFactory, type ServiceProperties, type ServiceView, SERVICE_ID, SERVICE_RANKING, SERVICE_SCOPE } from '@sluice/sdk';
import { type NormalisedProperties, Version, normaliseProperties } from '../model/index.js';
import type { Face, ForwarderMaker } from './forwarder.js';
import type { ServiceRegistration } from './registration.js';
import type { StageState } from './stage.js';
import type { RevisionOwner, ServiceScope } from './types.js';

/** `withdrawn`: invisible to new entries, still there for older ones. `gone`: given back by its owner. */
export type RecordState = 'staged' | 'published' | 'withdrawn' | 'gone';

/** Properties set by the registry itself; what a bundle writes under these names is ignored, as OSGi says. */
const RESERVED = new Set(['objectclass', SERVICE_ID, SERVICE_SCOPE, 'service.bundleid']);

/** Identity of a service, shared by all its incarnations. */
export interface ServiceIdentity {
  readonly id: number;
  readonly owner: RevisionOwner;
  readonly contractId: string;
  readonly contractVersion: string;
  readonly major: number;
  readonly minor: number;
  readonly methods: readonly string[];
  readonly scope: ServiceScope;
  /** The object a factory of scope `singleton` has made, and for whom first. */
  made: { readonly object: object; readonly consumer: RevisionOwner } | null;
}

/** One object made by a factory of scope `bundle`, with the number of references that hold it. */
export interface SharedInstance {
  readonly object: object;
  holders: number;
}

export class ServiceRecord {
  readonly id: number;
  readonly owner: RevisionOwner;
  readonly major: number;
  readonly minor: number;
  state: RecordState = 'staged';
  /** The stage it waits in, while `staged`. */
  stage: StageState | null = null;
  /** First generation that sees it. */
  born = 0;
  /** First generation that no longer sees it. */
  died = Number.POSITIVE_INFINITY;
  ranking = 0;
  /** The ranking as given, when it is no integer and counts as 0. */
  unusableRanking: unknown = undefined;
  /** Objects of scope `bundle` by consumer. Shared with later incarnations. */
  instances: Map<RevisionOwner, SharedInstance> | null = null;
  registration: ServiceRegistration | null = null;
  private faceMaker: ForwarderMaker | null = null;
  private face: Face | null = null;
  private moreFaces: Map<ForwarderMaker, Face> | null = null;
  private complete: ServiceProperties | null = null;
  private lowered: NormalisedProperties | null = null;
  private currentView: ServiceView | null = null;
  private version: Version | null = null;

  constructor(
    readonly identity: ServiceIdentity,
    /** The service object; null while a factory has not made it, and for scopes that make several. */
    public service: object | null,
    public factory: ServiceFactory<unknown> | null,
    properties: ServiceProperties,
  ) {
    this.id = identity.id;
    this.owner = identity.owner;
    this.major = identity.major;
    this.minor = identity.minor;
    this.setProperties(properties);
  }

  /** Replaces the properties, all or nothing. @throws SluiceError `SERVICE_PROPERTIES_INVALID` */
  setProperties(properties: ServiceProperties): void {
    let ranking: unknown;
    if (isEmpty(properties)) {
      this.complete = this.lowered = null;
    } else {
      const complete = this.completed(properties);
      this.lowered = normaliseProperties(complete);
      this.complete = complete;
      ranking = this.lowered[SERVICE_RANKING];
    }
    const usable = Number.isInteger(ranking);
    this.ranking = usable ? (ranking as number) : 0;
    this.unusableRanking = usable ? undefined : ranking;
    this.currentView = null;
  }

  /** Properties with lower-case keys, for filters. Made at the first use: most services are never filtered. */
  normalised(): NormalisedProperties {
    return (this.lowered ??= normaliseProperties((this.complete ??= this.completed({}))));
  }

  /** The immutable view of this moment. */
  view(): ServiceView {
    return (this.currentView ??= Object.freeze({
      id: this.id,
      contractId: this.identity.contractId,
      contractVersion: this.identity.contractVersion,
      bundle: this.owner.symbolicName,
      bundleVersion: this.owner.version,
      ranking: this.ranking,
      properties: (this.complete ??= this.completed({})),
    }));
  }

  /** The contract version as a version, for ranges other than the default. */
  parsedVersion(): Version {
    return (this.version ??= Version.parse(this.identity.contractVersion));
  }

  /** The service object prepared for forwarders of one maker. Only once there is an object. */
  faceFor(maker: ForwarderMaker, service: object): Face {
    if (this.faceMaker === maker) return this.face as Face;
    if (this.faceMaker === null) {
      this.faceMaker = maker;
      return (this.face = maker.face(service));
    }
    // Consumers compiled against another minor version of the contract have another maker.
    const faces = (this.moreFaces ??= new Map());
    let face = faces.get(maker);
    if (face === undefined) faces.set(maker, (face = maker.face(service)));
    return face;
  }

  /** A new incarnation of the same service with the same id, object and properties. */
  again(): ServiceRecord {
    const next = new ServiceRecord(this.identity, this.service, this.factory, this.complete ?? {});
    if (this.identity.scope === 'bundle') next.instances = this.instances ??= new Map();
    return next;
  }

  /** Lets go of everything that belongs to the owner. */
  drop(): void {
    this.state = 'gone';
    this.stage = null;
    this.service = null;
    this.factory = null;
    this.instances = null;
    this.faceMaker = this.face = this.moreFaces = null;
    this.registration = null;
  }

  private completed(properties: ServiceProperties): ServiceProperties {
    const complete: Record<string, unknown> = {};
    for (const key of Object.keys(properties)) {
      if (!RESERVED.has(key.toLowerCase())) complete[key] = properties[key];
    }
    complete['objectClass'] = this.identity.contractId;
    complete[SERVICE_ID] = this.id;
    complete[SERVICE_SCOPE] = this.identity.scope;
    complete['service.bundleid'] = this.owner.bundleId;
    return Object.freeze(complete);
  }
}

function isEmpty(properties: ServiceProperties): boolean {
  for (const _key in properties) return false;
  return true;
}

/** Order of services: the highest ranking first, then the lowest id. Negative when `a` is better. */
export function compareRecords(a: ServiceRecord, b: ServiceRecord): number {
  return b.ranking - a.ranking || a.id - b.id;
}

/** Inserts into an array kept in rank order. */
export function insertRanked(records: ServiceRecord[], record: ServiceRecord): void {
  let low = 0;
  let high = records.length;
  // Nearly every registration goes to the end: later ids rank behind earlier ones.
  if (high > 0 && compareRecords(records[high - 1] as ServiceRecord, record) < 0) low = high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareRecords(records[middle] as ServiceRecord, record) < 0) low = middle + 1;
    else high = middle;
  }
  records.splice(low, 0, record);
}

/** Removes from an array by identity. Returns false when it was not there. */
export function removeRecord(records: ServiceRecord[], record: ServiceRecord): boolean {
  const at = records.indexOf(record);
  if (at >= 0) records.splice(at, 1);
  return at >= 0;
}
