/** A forwarder to one particular service, for the elements of lists and for what trackers and publishers are given. */
import { SluiceError } from '@sluice/sdk';
import type { Face, ForwarderLink, ForwarderMaker } from './forwarder.js';
import type { Holdings } from './holdings.js';
import type { ServiceRecord } from './record.js';

/** Calls go to one service for as long as it lives, whatever the generation of the entry: who took it from a list has made the choice. */
export class PinnedTarget implements ForwarderLink {
  readonly service: object;
  face: Face | null = null;
  private readonly contractId: string;
  private factoryFailure: SluiceError | null = null;

  constructor(
    private record: ServiceRecord | null,
    private readonly maker: ForwarderMaker,
    private readonly holdings: Holdings,
  ) {
    this.contractId = (record as ServiceRecord).identity.contractId;
    this.service = maker.forward(this);
    const made = record?.service ?? null;
    if (record !== null && made !== null) this.face = record.faceFor(maker, made);
  }

  pick(): Face | null {
    if (this.record === null) return null;
    try {
      return (this.face = this.maker.face(this.holdings.obtain(this.record)));
    } catch (error) {
      this.factoryFailure = error as SluiceError;
      return null;
    }
  }

  failure(method: string): SluiceError {
    if (this.factoryFailure !== null) return this.factoryFailure;
    return new SluiceError('SERVICE_UNAVAILABLE', `'${this.contractId}.${method}' was called on a service that is gone`, {
      details: { contract: this.contractId, method },
      retryable: true,
      httpStatus: 503,
      remedy: 'Take the services from the list again instead of keeping them.',
    });
  }

  /** Lets go of the service: later calls fail. */
  close(): void {
    this.record = null;
    this.face = null;
  }
}

/** What a consumer that may see the raw object gets: the object where there is one, else a forwarder that makes it at the first call. */
export function serviceOrPinned(
  record: ServiceRecord,
  maker: ForwarderMaker,
  holdings: Holdings,
): { service: object; pinned: PinnedTarget | null } {
  if (record.service !== null) return { service: record.service, pinned: null };
  const pinned = new PinnedTarget(record, maker, holdings);
  return { service: pinned.service, pinned };
}
