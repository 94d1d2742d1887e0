/**
 * What the folder has shown of each file so far. Decides from one look to the next what is new, settling, settled or gone. Pure.
 * Always holds: a content is taken when two looks in a row find the same size, times and digest; a file that vanishes for one look
 * (because it is being replaced) is not gone.
 */

/** One file in a listing. `stamp` changes whenever the content may have changed. */
export interface Listed {
  readonly name: string;
  readonly stamp: string;
  readonly bytes: number;
}

/** What is known of a file. */
export interface Candidate {
  readonly name: string;
  /** Stamp and digest of the last look. */
  stamp: string;
  digest: string | null;
  /** True when nothing is to be done until the stamp changes. */
  resting: boolean;
  /** Since when the content is stable and incomplete (monotonic); null when it is not. */
  incompleteSince: number | null;
  incompleteReported: boolean;
  /** True when the last listing did not have it. */
  missing: boolean;
}

/** Remembers files between looks. */
export class Candidates {
  readonly #known = new Map<string, Candidate>();

  get(name: string): Candidate | undefined {
    return this.#known.get(name);
  }

  /** Files to look into: new ones, changed ones and those whose last look was not the second of two equal ones. */
  toLookAt(listing: readonly Listed[]): readonly (Listed & { readonly candidate: Candidate })[] {
    return listing.flatMap((listed) => {
      let candidate = this.#known.get(listed.name);
      if (candidate === undefined) this.#known.set(listed.name, (candidate = fresh(listed.name)));
      candidate.missing = false;
      if (candidate.stamp === listed.stamp) return candidate.resting ? [] : [{ ...listed, candidate }];
      Object.assign(candidate, { resting: false, incompleteSince: null, incompleteReported: false });
      return [{ ...listed, candidate }];
    });
  }

  /** Notes a look. True when it is the second of two that found the same. */
  isSettled(candidate: Candidate, stamp: string, digest: string | null): boolean {
    const settled = candidate.stamp === stamp && candidate.digest === digest;
    candidate.stamp = stamp;
    candidate.digest = digest;
    return settled;
  }

  /** Names gone for two listings in a row, which are forgotten, and whether one is gone for the first. */
  gone(listing: readonly Listed[]): { readonly names: readonly string[]; readonly settling: boolean } {
    const listed = new Set(listing.map((one) => one.name));
    const names: string[] = [];
    let settling = false;
    for (const [name, candidate] of this.#known) {
      if (listed.has(name)) continue;
      if (candidate.missing) {
        this.#known.delete(name);
        names.push(name);
      } else {
        candidate.missing = true;
        settling = true;
      }
    }
    return { names, settling };
  }
}

function fresh(name: string): Candidate {
  return { name, stamp: '', digest: null, resting: false, incompleteSince: null, incompleteReported: false, missing: false };
}
