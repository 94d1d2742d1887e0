/**
 * The services of the bundle in the guest, told to the host, which registers forwarders in the bundle's name; and the calls that come
 * back through them. Services made per consumer are made once, for the host.
 */
import { Routes, SluiceError, type Contract, type RouteSet, type ServiceView } from '@sluice/sdk';
import type { RevisionOwner, ServiceRegistry } from '../../registry/index.js';
import { membersOf } from '../marshal.js';
import type { IncomingCall, Peer } from '../peer.js';
import type { Parcel } from '../protocol.js';
import { exportedRoutes } from './exported-routes.js';

type Method = (...args: readonly unknown[]) => unknown;

/** The host as a consumer in the guest's registry. */
const EXPORTER: RevisionOwner = { bundleId: -1_000_000, symbolicName: 'host', version: '0.0.0', revision: 0 };

interface Exported {
  readonly service: object;
  readonly contractId: string;
  readonly takeBack: () => void;
}

/** Services of the guest that the host knows. */
export class ProvidedServices {
  private readonly exported = new Map<number, Exported>();

  constructor(
    registry: ServiceRegistry,
    private readonly peer: Peer,
    private readonly bundle: string,
    provided: readonly Contract[],
    private readonly failed: (error: unknown) => void,
  ) {
    for (const contract of new Map(provided.map((one) => [one.id, one])).values()) {
      registry.track(
        EXPORTER,
        contract,
        {
          added: (service, view) => this.guarded(view, () => this.added(contract, service as object, view)),
          modified: (_service, view) => this.guarded(view, () => this.tell('setProperties', view.id, this.propertiesOf(view))),
          removed: (_service, view) => this.guarded(view, () => this.removed(view.id)),
        },
        undefined,
        null,
      );
    }
  }

  /** Runs a call of the host. */
  call({ target, method, args }: IncomingCall): unknown {
    const id = target.kind === 'service' ? target.id : -1;
    const exported = this.exported.get(id);
    if (exported === undefined) {
      throw new SluiceError('SERVICE_UNAVAILABLE', `The service behind '${method}' is no longer registered by '${this.bundle}'`, {
        details: { bundle: this.bundle, method },
        retryable: true,
        httpStatus: 503,
      });
    }
    const found = (exported.service as Record<string, unknown>)[method];
    if (typeof found === 'function') return Reflect.apply(found as Method, exported.service, args);
    throw new SluiceError('METHOD_MISSING', `The service behind '${exported.contractId}' has no method '${method}'`, {
      details: { contract: exported.contractId, method },
      remedy: 'Deploy a provider built against the contract version that added the method.',
    });
  }

  private added(contract: Contract, service: object, view: ServiceView): void {
    const isData = Object.keys(contract.methods).length === 0;
    const what = `service '${contract.id}' of '${this.bundle}'`;
    const lent = isData ? this.peer.lend(contract.id === Routes.id ? exportedRoutes(service as RouteSet) : membersOf(service), what) : null;
    this.exported.set(view.id, { service, contractId: contract.id, takeBack: lent?.takeBack ?? (() => undefined) });
    this.tell('register', { id: view.id, contractId: contract.id, properties: this.propertiesOf(view), object: lent?.parcel ?? null });
  }

  private removed(id: number): void {
    this.exported.get(id)?.takeBack();
    this.exported.delete(id);
    this.tell('unregister', id);
  }

  private propertiesOf(view: ServiceView): Parcel {
    return this.peer.data(view.properties, `the properties of service '${view.contractId}'`);
  }

  private tell(method: string, ...args: readonly unknown[]): void {
    const options = { what: `'${method}'`, timeoutMs: Number.POSITIVE_INFINITY, oneWay: true } as const;
    void this.peer.call({ kind: 'side' }, method, args, options).catch(this.failed);
  }

  // Trackers run inside the registry's change and must not throw; what a service cannot send fails the start.
  private guarded(view: ServiceView, work: () => void): void {
    if (view.bundle !== this.bundle) return;
    try {
      work();
    } catch (error) {
      this.failed(error);
    }
  }
}
