/**
 * The services of the host as the bundle in the guest finds them: each is mirrored into the guest's registry by an object whose methods
 * call the host. So references, filters, lists, trackers and components work as they do inline.
 */
import { Data, type Contract } from '@sluice/sdk';
import type { RevisionOwner, ServiceRegistry } from '../../registry/index.js';
import { callableMethods, factsOf, isOneWay, takesFunctions } from '../crossing.js';
import type { Peer } from '../peer.js';
import type { MirroredService } from '../protocol.js';
import { unpack } from '../marshal.js';
import { CommitWaiters, dataFacade, type DataFacts } from './data-facade.js';
import { refuseMember } from './refused-member.js';

interface Mirror {
  setProperties(properties: Readonly<Record<string, unknown>>): void;
  unregister(): void;
}

/** The registry sets these itself. */
const OWN_KEYS = new Set(['service.id', 'service.scope', 'objectclass', 'service.bundleid']);

/** Mirrors of host services. */
export class RequiredServices {
  private readonly mirrors = new Map<number, Mirror>();
  private readonly owners = new Map<string, RevisionOwner>();
  private readonly contracts = new Map<string, Contract>();
  readonly commits = new CommitWaiters();

  constructor(
    private readonly registry: ServiceRegistry,
    private readonly peer: Peer,
    required: readonly Contract[],
    private readonly callTimeoutMs: number,
  ) {
    for (const contract of required) this.contracts.set(contract.id, contract);
  }

  add(service: MirroredService): void {
    const contract = this.contracts.get(service.contractId);
    if (contract === undefined) return;
    // As the provider made it: a reference asks for a range, and the provider may be newer.
    const provided = { ...contract, version: service.contractVersion };
    const properties = this.propertiesOf(service);
    this.mirrors.set(service.id, this.registry.register(this.ownerOf(service), provided, this.stub(contract, service), properties, null));
  }

  change(service: MirroredService): void {
    this.mirrors.get(service.id)?.setProperties(this.propertiesOf(service));
  }

  remove(id: number): void {
    this.mirrors.get(id)?.unregister();
    this.mirrors.delete(id);
  }

  private propertiesOf({ properties }: MirroredService): Record<string, unknown> {
    const all = unpack(properties, this.peer.arrival([])) as Record<string, unknown>;
    return Object.fromEntries(Object.entries(all).filter(([key]) => !OWN_KEYS.has(key.toLowerCase())));
  }

  private ownerOf({ bundle, bundleVersion }: MirroredService): RevisionOwner {
    const key = `${bundle}@${bundleVersion}`;
    let owner = this.owners.get(key);
    if (owner === undefined) {
      owner = { bundleId: -1 - this.owners.size, symbolicName: bundle, version: bundleVersion, revision: 0 };
      this.owners.set(key, owner);
    }
    return owner;
  }

  private stub(contract: Contract, service: MirroredService): object {
    const call = (method: string, args: readonly unknown[]): Promise<unknown> =>
      this.peer.call({ kind: 'service', id: service.id }, method, args, {
        what: `'${contract.id}.${method}'`,
        // The host's data service has limits of its own, and a migration may take long.
        timeoutMs: contract.id === Data.id ? Number.POSITIVE_INFINITY : this.callTimeoutMs,
        functions: takesFunctions(contract.id),
        oneWay: isOneWay(contract.id, method),
      });
    if (contract.id === Data.id) return dataFacade(call, service.facts as DataFacts, this.commits);
    const callable = new Set(callableMethods(factsOf(contract)));
    const stub: Record<string, unknown> = {};
    for (const method of Object.keys(contract.methods)) {
      if (!callable.has(method)) stub[method] = () => refuseMember(contract.id, method);
      else if (isOneWay(contract.id, method)) stub[method] = (...args: unknown[]) => void call(method, args).catch(() => undefined);
      else stub[method] = (...args: unknown[]) => call(method, args);
    }
    return stub;
  }
}
