/**
 * The loader of a kernel with tiers: evaluates inline bundles as before, and gives every other revision a guest. What it returns for
 * those is a definition whose code is of the kernel; the bundle's own code never enters this isolate.
 */
import { SluiceError } from '@sluice/sdk';
import type { LoadedRevision, Loader } from '../host/ports.js';
import type { GuestLimits } from './guest-link.js';
import type { GuestRequest, IsolationPorts } from './isolation-ports.js';
import { RemoteBundle } from './remote-bundle.js';

/** Limits of a guest whose manifest names none. */
const GUEST_LIMITS: GuestLimits = { heapMegabytes: 128, buffersMegabytes: 128 };

/** Makes the loader. */
export function createTieredLoader(inline: Loader, ports: IsolationPorts): Loader {
  let markers = 0;
  return {
    load: (request) => {
      const { guest } = request;
      if (guest === undefined) return inline.load(request);
      markers += 1;
      return new RemoteRevision({ ...request, guest }, ports, markers);
    },
    mapStack: (error) => inline.mapStack(error),
    settled: () => inline.settled(),
  };
}

class RemoteRevision implements LoadedRevision {
  readonly markerName: string;
  #remote: RemoteBundle | null;

  constructor(request: GuestRequest, ports: IsolationPorts, number: number) {
    const { symbolicName, versionText } = request.manifest;
    const { tier } = request.guest;
    this.markerName = `SluiceRevision_${symbolicName}_${versionText}_${request.revision}_${tier}${number}`;
    this.#remote = new RemoteBundle(request, GUEST_LIMITS, ports);
    Object.defineProperty(this.#remote, Symbol.toStringTag, { value: this.markerName });
  }

  get definition(): LoadedRevision['definition'] {
    return this.#opened().definition;
  }

  get container(): never {
    throw new SluiceError('STATE_INVALID', `'${this.markerName}' has no container here: its components live in its guest`);
  }

  /** Everything registered in the bundle's name holds the remote bundle, so it is collected exactly when they are. */
  get marker(): object {
    return this.#opened();
  }

  exportsOf(packageName: string): never {
    throw new SluiceError('EXPORT_UNKNOWN', `'${this.markerName}' exports '${packageName}' in another tier, and code does not cross`, {
      details: { package: packageName },
    });
  }

  pending(): readonly string[] {
    return [];
  }

  close(): void {
    this.#remote = null;
  }

  #opened(): RemoteBundle {
    if (this.#remote !== null) return this.#remote;
    throw new SluiceError('REVISION_CLOSED', `The code of '${this.markerName}' was let go`, { details: { revision: this.markerName } });
  }
}
