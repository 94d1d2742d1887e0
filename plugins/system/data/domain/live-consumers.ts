/** Which versions of which bundle use the database now. While two versions of a bundle live, its schema may only expand. Pure. */

interface Consumer {
  readonly bundle: string;
  readonly version: string;
}

/** Counts services by bundle and version. */
export class LiveConsumers {
  readonly #counts = new Map<string, Map<string, number>>();

  add({ bundle, version }: Consumer): void {
    const versions = this.#counts.get(bundle) ?? new Map<string, number>();
    versions.set(version, (versions.get(version) ?? 0) + 1);
    this.#counts.set(bundle, versions);
  }

  remove({ bundle, version }: Consumer): void {
    const versions = this.#counts.get(bundle);
    const left = (versions?.get(version) ?? 0) - 1;
    if (versions === undefined || left > 0) versions?.set(version, left);
    else versions.delete(version);
    if (versions?.size === 0) this.#counts.delete(bundle);
  }

  versionsOf(bundle: string): number {
    return this.#counts.get(bundle)?.size ?? 0;
  }
}
