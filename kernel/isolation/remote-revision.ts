/** A loaded revision whose code is in a guest: what the life cycle holds of it. */
import { SluiceError } from '@sluice/sdk';
import type { GuestOrder, LoadedRevision } from '../host/ports.js';
import type { GuestLimits } from './guest-link.js';
import type { GuestRequest, IsolationPorts } from './isolation-ports.js';
import { RemoteBundle } from './remote-bundle.js';

/** Limits of a guest whose manifest names none. */
const LIMITS: GuestLimits = { heapMegabytes: 128, buffersMegabytes: 128, network: false };

/** See the head of the file. */
export class RemoteRevision implements LoadedRevision {
  readonly markerName: string;
  #remote: RemoteBundle | null;

  constructor(request: GuestRequest, ports: IsolationPorts, number: number) {
    const { symbolicName, versionText } = request.manifest;
    const { tier } = request.guest;
    this.markerName = `SluiceRevision_${symbolicName}_${versionText}_${request.revision}_${tier}${number}`;
    this.#remote = new RemoteBundle(request, limitsOf(request.guest), ports);
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

interface Section {
  readonly limits?: Partial<GuestLimits>;
  readonly permissions?: { readonly network?: readonly string[] };
}

/** The manifest was checked before: its section has what its schema allows. */
function limitsOf({ packageJson }: GuestOrder): GuestLimits {
  const { limits, permissions } = (packageJson['sluice'] ?? {}) as Section;
  return { ...LIMITS, ...limits, network: (permissions?.network ?? []).length > 0 };
}
