/**
 * The services that the bundle in a guest provides, registered in the bundle's name by forwarders that call the guest. They outlive a
 * guest that fails: while the next one starts, calls are refused as retryable, and when it registers the same services again the
 * forwarders lead to them.
 */
import {
  Routes,
  SluiceError,
  type BundleContext,
  type Contract,
  type Registration,
  type RouteDefinition,
  type RouteRequest,
} from '@sluice/sdk';
import { contractOf } from './crossing.js';
import { forwardedRouter } from './forwarded-router.js';
import type { ExportedRouter } from './guest/exported-routes.js';
import { unpack } from './marshal.js';
import type { Peer } from './peer.js';
import type { ContractFacts, ExportedService, Parcel } from './protocol.js';

type Call = (...args: unknown[]) => Promise<unknown>;

/** What the forwarders need. */
export interface ForwardTarget {
  /** The guest, told of everything that happened before the call; null while none runs. */
  forCall(): Peer | null;
  /** Time the running entry has left, milliseconds; Infinity outside of any. */
  remainingMs(): number;
  /** The error of calls while no guest runs. */
  unavailable(what: string): SluiceError;
}

/** Longest wait for an answer of a guest when no entry sets a deadline. */
const CALL_TIMEOUT_MS = 30_000;

interface Forwarded {
  readonly contract: Contract;
  /** Equal for a service and the same one of a later guest. */
  readonly key: string;
  readonly registration: Registration;
  /** Number of the service in the running guest; null when that has not registered it (again). */
  id: number | null;
  /** Numbers of the functions in a service that is data, by their place. */
  functions: ReadonlyMap<string, number>;
}

/** See the head of the file. */
export class ForwardedServices {
  private readonly contracts = new Map<string, Contract>();
  private readonly all = new Set<Forwarded>();

  constructor(
    private readonly context: BundleContext,
    private readonly target: ForwardTarget,
    provided: readonly ContractFacts[],
  ) {
    for (const facts of provided) this.contracts.set(facts.id, contractOf(facts));
  }

  /** The guest registered a service. @throws SluiceError of the registry or of a publisher that refuses it. */
  register(exported: ExportedService): void {
    const contract = this.contracts.get(exported.contractId);
    if (contract === undefined) throw undeclared(this.context.bundle.symbolicName, exported.contractId);
    const properties = plain(exported.properties) as Record<string, unknown>;
    const functions = new Map<string, number>();
    const object = exported.object === null ? null : unpack(exported.object, collecting(functions));
    const key = keyOf(contract.id, properties, object);
    const waiting = [...this.all].find((one) => one.id === null && one.key === key);
    if (waiting !== undefined) {
      waiting.id = exported.id;
      waiting.functions = functions;
      return;
    }
    const forwarded: { -readonly [K in keyof Forwarded]?: Forwarded[K] } = { contract, key, id: exported.id, functions };
    const service =
      object === null
        ? this.methodsOf(contract, forwarded as Forwarded)
        : this.dataOf(contract, exported.object as Parcel, forwarded as Forwarded, mountOf(properties));
    const kept = Object.fromEntries(Object.entries(properties).filter(([name]) => !OWN_KEYS.has(name.toLowerCase())));
    forwarded.registration = this.context.register(contract, service, kept);
    this.all.add(forwarded as Forwarded);
  }

  /** The guest changed the properties of a service. */
  setProperties(id: number, properties: Parcel): void {
    for (const one of this.all) if (one.id === id) one.registration.setProperties(plain(properties) as Record<string, unknown>);
  }

  /** The guest withdrew a service. */
  unregister(id: number): void {
    for (const one of [...this.all]) if (one.id === id) this.drop(one);
  }

  /** The guest is gone: its services wait for the next one. */
  orphan(): void {
    for (const one of this.all) one.id = null;
  }

  /** The next guest has started: what it did not register again is no more. */
  dropOrphans(): void {
    for (const one of [...this.all]) if (one.id === null) this.drop(one);
  }

  private drop(one: Forwarded): void {
    this.all.delete(one);
    one.registration.unregister();
  }

  private methodsOf(contract: Contract, forwarded: Forwarded): object {
    const service: Record<string, Call> = {};
    for (const name of Object.keys(contract.methods)) {
      service[name] = (...args) => {
        const what = `'${contract.id}.${name}'`;
        const peer = this.target.forCall();
        if (peer === null || forwarded.id === null) return Promise.reject(this.target.unavailable(what));
        return peer.call({ kind: 'service', id: forwarded.id }, name, args, { what, timeoutMs: this.timeoutMs() });
      };
    }
    return service;
  }

  /** A service that is data: as it came, its functions replaced by such that call the guest. */
  private dataOf(contract: Contract, parcel: Parcel, forwarded: Forwarded, mount: string): object {
    const data = unpack(parcel, {
      ...NOTHING_ELSE,
      fn: (_id, path): Call => {
        const what = `'${path.slice(1)}' of a service '${contract.id}'`;
        return (...args) => {
          const peer = this.target.forCall();
          const id = forwarded.functions.get(path);
          if (peer === null || id === undefined || forwarded.id === null) return Promise.reject(this.target.unavailable(what));
          return peer.call({ kind: 'function', id }, '', args, { what, timeoutMs: this.timeoutMs() });
        };
      },
    }) as object;
    return contract.id === Routes.id ? routesOf(data, mount) : data;
  }

  private timeoutMs(): number {
    return Math.max(1, Math.min(CALL_TIMEOUT_MS, this.target.remainingMs()));
  }
}

/** The registry sets these itself. */
const OWN_KEYS = new Set(['service.id', 'service.scope', 'objectclass', 'service.bundleid']);

const NOTHING_ELSE = {
  signal: (): never => {
    throw new SluiceError('ISOLATION_VALUE_REFUSED', 'A registered service holds an AbortSignal, which cannot stay in another tier');
  },
  stream: (): never => {
    throw new SluiceError('ISOLATION_VALUE_REFUSED', 'A registered service holds a stream, which cannot stay in another tier');
  },
};

function collecting(functions: Map<string, number>): Parameters<typeof unpack>[1] {
  return {
    ...NOTHING_ELSE,
    fn: (id, path) => {
      functions.set(path, id);
      return path;
    },
  };
}

function plain(parcel: Parcel): unknown {
  return unpack(parcel, { ...NOTHING_ELSE, fn: (_id, path) => path });
}

function keyOf(contractId: string, properties: Readonly<Record<string, unknown>>, object: unknown): string {
  const kept = Object.entries(properties).filter(([name]) => !OWN_KEYS.has(name.toLowerCase()));
  return JSON.stringify([contractId, kept, object], (_key, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    if (value instanceof Map) return [...value];
    // Names and sizes tell two sets of files apart; their bytes come from the same artifact.
    return value instanceof Uint8Array ? value.length : value;
  });
}

/** A request of the http bundle is an object that answers on demand; a handler in another tier gets what it would ask for. */
function routesOf(set: object, mount: string): object {
  const { routes = [], router, ...rest } = set as { routes?: readonly RouteDefinition[]; router?: ExportedRouter };
  return {
    ...rest,
    ...(router === undefined ? {} : { router: forwardedRouter(router, mount) }),
    routes: routes.map((route) => ({
      ...route,
      handler: ({ method, path, params, query, body, headers, requestId, remoteAddress, signal }: RouteRequest) =>
        route.handler({ method, path, params, query, body, headers: { ...headers }, requestId, remoteAddress, signal } as never),
    })),
  };
}

function mountOf(properties: Readonly<Record<string, unknown>>): string {
  const mount = properties['http.mount'];
  return typeof mount === 'string' ? mount.replace(/\/+$/, '') : '';
}

function undeclared(bundle: string, contractId: string): SluiceError {
  return new SluiceError('CONTRACT_UNDECLARED', `'${bundle}' registered a service under '${contractId}', which it does not declare`, {
    details: { bundle, contract: contractId },
    remedy: `Add the contract to 'provides' of defineBundle() and pack the bundle again.`,
  });
}
