/**
 * Which services a consumer may take: version range and filter, both parsed once.
 * Also the small facts about a contract that the hot paths need. Holds strings and numbers only, never a bundle's contract object.
 */
import { type Contract, type ReferenceOptions, SluiceError, isContract } from '@sluice/sdk';
import { type Filter, type VersionRange, compatibleRange, parseFilter, parseRange } from '../model/index.js';
import type { ServiceRecord } from './record.js';

/** Parsed filters kept for reuse; past this many the oldest goes. A system has far fewer different filter texts than references. */
const FILTERS_MAX = 1_000;

/** What a service must fulfil. Immutable and shared between references with the same wishes. */
export class Query {
  constructor(
    readonly contractVersion: string,
    readonly major: number,
    readonly minor: number,
    readonly range: VersionRange | null,
    readonly filter: Filter | null,
  ) {}

  /** True when version and properties of the service fit. Without a range: the same major, at least that minor. */
  matches(record: ServiceRecord): boolean {
    if (this.range === null) {
      if (record.major !== this.major || record.minor < this.minor) return false;
    } else if (!this.range.includes(record.parsedVersion())) {
      return false;
    }
    return this.filter === null || this.filter.matchesNormalised(record.normalised());
  }
}

/** Parses each filter text once. */
export class FilterCache {
  private readonly filters = new Map<string, Filter>();

  /** @throws SluiceError `FILTER_INVALID` */
  parse(text: string): Filter {
    let filter = this.filters.get(text);
    if (filter === undefined) {
      filter = parseFilter(text);
      if (this.filters.size >= FILTERS_MAX) this.filters.delete(this.filters.keys().next().value as string);
      this.filters.set(text, filter);
    }
    return filter;
  }
}

/** Major and minor of a contract version, which the SDK has checked to be `major.minor.patch`. */
export function majorMinorOf(version: string): { major: number; minor: number } {
  const [major, minor] = version.split('.');
  return { major: Number(major), minor: Number(minor) };
}

/** Makes the query of a reference. @throws SluiceError `FILTER_INVALID`, `RANGE_INVALID` */
export function queryFor(plain: Query, options: ReferenceOptions | undefined, filters: FilterCache): Query {
  if (options === undefined || (options.filter === undefined && options.range === undefined)) return plain;
  return new Query(
    plain.contractVersion,
    plain.major,
    plain.minor,
    options.range === undefined ? plain.range : parseRange(options.range),
    options.filter === undefined ? null : filters.parse(options.filter),
  );
}

/** The query of a reference without options. @throws SluiceError `CONTRACT_INVALID` when the value is no contract. */
export function plainQuery(contract: Contract): Query {
  if (!isContract(contract)) {
    throw new SluiceError(
      'CONTRACT_INVALID',
      `The value given as a contract is none: found ${typeof contract}, expected the result of contract() or localContract()`,
      {
        remedy: 'Import the contract from its api package and pass that value.',
      },
    );
  }
  const { major, minor } = majorMinorOf(contract.version);
  // Below 1.0.0 each minor is a breaking step: the rule is the model's, and rare enough to ask it each time.
  return new Query(contract.version, major, minor, major === 0 ? compatibleRange(contract.version) : null, null);
}
