/**
 * The services of the host that a guest's bundle requires: followed through the bundle's own context (so a bundle being prepared sees the
 * system as it will be), told to the guest, and called for it.
 * Always holds: a call made in the course of an entry sees the services of that entry's generation, as inline.
 */
import {
  Data,
  SluiceError,
  type BundleContext,
  type Contract,
  type DataService,
  type OptionalReference,
  type ServiceView,
} from '@sluice/sdk';
import { callableMethods, contractOf } from './crossing.js';
import { lendData } from './lent-data.js';
import type { IncomingCall, Peer } from './peer.js';
import type { ContractFacts, LoadAnswer, MirroredService, ServiceChanges } from './protocol.js';

interface Followed {
  readonly contract: Contract;
  readonly callable: ReadonlySet<string>;
  /** Best service of the running entry's generation. */
  readonly best: OptionalReference<object>;
  readonly services: Map<number, { readonly service: object; view: ServiceView }>;
}

/** What is told to a guest; the guest changes when it is started again. */
export interface MirrorTarget {
  /** Null while no guest runs. */
  readonly peer: Peer | null;
}

interface Changes {
  readonly added: { readonly followed: Followed; readonly view: ServiceView }[];
  readonly changed: { readonly followed: Followed; readonly view: ServiceView }[];
  readonly removed: number[];
}

/** Ids of services that went: a guest may call one before it hears of it. */
const GONE_MAX = 1_000;

/** See the head of the file. */
export class MirroredServices {
  private readonly followed: Followed[] = [];
  private readonly gone = new Map<number, Followed>();
  /** What happened and has not been told. Told in one packet, after the step that changed it. */
  private changes: Changes | null = null;

  constructor(
    private readonly context: BundleContext,
    private readonly target: MirrorTarget,
    /** Statements a bundle of this tier may run; null: any. */
    private readonly statements: ReadonlySet<string> | null,
    private readonly warn: (message: string, details: Record<string, unknown>) => void,
  ) {}

  /** Begins to follow the contracts a bundle requires; what is there is told at once. */
  follow(required: LoadAnswer['requires']): void {
    const seen = new Set<string>();
    for (const facts of required) {
      const range = facts.range === undefined ? {} : { range: facts.range };
      const key = `${facts.id} ${facts.range ?? ''}`;
      if (seen.has(key)) continue;
      seen.add(key);
      this.followOne(facts, range);
    }
  }

  private followOne(facts: ContractFacts, options: { range?: string }): void {
    const { context } = this;
    const contract = contractOf(facts);
    const own = context.bundle;
    const services: Followed['services'] = new Map();
    const followed = {
      contract,
      callable: new Set(callableMethods(facts)),
      best: context.optional(contract, options) as OptionalReference<object>,
      services,
    };
    this.followed.push(followed);
    // Its own services are in the guest already.
    const isOwn = (view: ServiceView): boolean => view.bundle === own.symbolicName && view.bundleVersion === own.version;
    context.track(
      contract,
      {
        added: (service, view) => {
          if (isOwn(view)) return;
          services.set(view.id, { service: service as object, view });
          this.noted().added.push({ followed, view });
        },
        modified: (_service, view) => {
          const known = services.get(view.id);
          if (known === undefined) return;
          known.view = view;
          this.noted().changed.push({ followed, view });
        },
        removed: (_service, view) => {
          if (!services.delete(view.id)) return;
          this.gone.set(view.id, followed);
          if (this.gone.size > GONE_MAX) this.gone.delete(this.gone.keys().next().value as number);
          this.noted().removed.push(view.id);
        },
      },
      options,
    );
  }

  private noted(): Changes {
    if (this.changes === null) {
      this.changes = { added: [], changed: [], removed: [] };
      queueMicrotask(() => this.flush());
    }
    return this.changes;
  }

  /** Tells what has happened so far. */
  flush(): void {
    const { changes } = this;
    this.changes = null;
    if (changes === null) return;
    this.tell('servicesChanged', (): [ServiceChanges] => [
      {
        // One that came and went in the same step is not there any more, and needs not be told.
        added: changes.added.filter(present).map(({ followed, view }) => this.mirrorOf(followed, view)),
        changed: changes.changed.filter(present).map(({ followed, view }) => this.mirrorOf(followed, view)),
        removed: changes.removed,
      },
    ]);
  }

  /** Tells a new guest of everything there is. */
  tellAll(): void {
    this.changes = null;
    const all = this.followed.flatMap((followed) => [...followed.services.values()].map(({ view }) => this.mirrorOf(followed, view)));
    this.tell('servicesChanged', (): [ServiceChanges] => [{ added: all, changed: [], removed: [] }]);
  }

  /** Runs a call of the guest. @throws SluiceError `SERVICE_UNAVAILABLE`, `ISOLATION_MEMBER_REFUSED`, or what the service throws. */
  call({ target, method, args }: IncomingCall): unknown {
    const id = target.kind === 'service' ? target.id : -1;
    const followed = this.followed.find(({ services }) => services.has(id)) ?? this.gone.get(id);
    if (followed !== undefined && !followed.callable.has(method)) throw notCallable(followed.contract.id, method);
    const service = followed === undefined ? undefined : this.serviceFor(followed, id);
    if (service === undefined) throw gone(method, this.context.bundle.symbolicName);
    return invoke(service, method, args);
  }

  /**
   * The service itself, or, when it is the one a plain reference would take, the reference: that follows the generation of the entry,
   * while the guest knows but the newest services.
   */
  private serviceFor(followed: Followed, id: number): object | undefined {
    const { contract, best, services } = followed;
    const own = services.get(id)?.service;
    const chosen = own === undefined || bestOf(followed) === id ? (best.get() ?? own) : own;
    if (chosen === undefined || contract.id !== Data.id) return chosen;
    return lendData(chosen as DataService, this.statements, (unit) => this.tell('committed', () => [unit]));
  }

  private mirrorOf({ contract }: Followed, view: ServiceView): MirroredService {
    const { peer } = this.target as { peer: Peer };
    const facts = contract.id === Data.id ? { facts: this.dataFacts(view.id) } : {};
    return {
      id: view.id,
      contractId: view.contractId,
      contractVersion: view.contractVersion,
      bundle: view.bundle,
      bundleVersion: view.bundleVersion,
      properties: peer.data(view.properties, `the properties of service '${view.contractId}'`),
      ...facts,
    };
  }

  private dataFacts(id: number): { dialect: string; tablePrefix: string } {
    const data = this.followed.find(({ contract }) => contract.id === Data.id)?.services.get(id)?.service as DataService;
    return { dialect: data.dialect, tablePrefix: data.table('t').slice(0, -1) };
  }

  // Trackers run inside the switch and must not throw.
  private tell(method: string, args: () => readonly unknown[]): void {
    const { peer } = this.target;
    if (peer === null) return;
    try {
      const options = { what: `'${method}'`, timeoutMs: Number.POSITIVE_INFINITY, oneWay: true } as const;
      void peer.call({ kind: 'side' }, method, args(), options).catch(() => undefined);
    } catch (error) {
      this.warn('A service cannot be shown to a bundle of another tier', { error });
    }
  }
}

function present({ followed, view }: { followed: Followed; view: ServiceView }): boolean {
  return followed.services.has(view.id);
}

function bestOf({ services }: Followed): number | undefined {
  let best: ServiceView | undefined;
  for (const { view } of services.values()) {
    if (best === undefined || view.ranking > best.ranking || (view.ranking === best.ranking && view.id < best.id)) best = view;
  }
  return best?.id;
}

function invoke(service: object, method: string, args: readonly unknown[]): unknown {
  const found = (service as Record<string, unknown>)[method];
  if (typeof found === 'function') return Reflect.apply(found as (...args: unknown[]) => unknown, service, args);
  throw new SluiceError('METHOD_MISSING', `The service has no method '${method}'`, { details: { method } });
}

function gone(method: string, bundle: string): SluiceError {
  return new SluiceError('SERVICE_UNAVAILABLE', `'${bundle}' called '${method}' of a service that is no longer there`, {
    details: { bundle, method },
    retryable: true,
    httpStatus: 503,
  });
}

function notCallable(contractId: string, method: string): SluiceError {
  return new SluiceError('ISOLATION_MEMBER_REFUSED', `'${contractId}.${method}' cannot be called from another tier`, {
    details: { contract: contractId, method },
    remedy: 'Run the bundle inline, or do without it.',
  });
}
