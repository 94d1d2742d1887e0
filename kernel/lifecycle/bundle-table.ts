/**
 * The installed bundles: by id, by name and in install order. Kept together because a change of one bundle among thousands must not look
 * at all the others. Holds; decides nothing.
 */
import type { ResolverBundle } from '../resolver/index.js';
import { nameOfKey, type Bundle } from './bundle.js';

const NONE: readonly Bundle[] = [];

/** The bundles of a kernel. */
export class BundleTable {
  readonly #byId = new Map<number, Bundle>();
  readonly #byName = new Map<string, readonly Bundle[]>();
  /** Ascending ids; made when asked for. */
  #ordered: readonly Bundle[] | null = null;

  add(bundle: Bundle): void {
    this.#byId.set(bundle.bundleId, bundle);
    this.#ordered = null;
    this.#byName.set(bundle.symbolicName, [...this.named(bundle.symbolicName), bundle]);
  }

  delete(bundle: Bundle): void {
    this.#byId.delete(bundle.bundleId);
    this.#ordered = null;
    const left = this.named(bundle.symbolicName).filter((one) => one !== bundle);
    if (left.length > 0) this.#byName.set(bundle.symbolicName, left);
    else this.#byName.delete(bundle.symbolicName);
  }

  /** All bundles in install order. */
  inOrder(): readonly Bundle[] {
    return (this.#ordered ??= [...this.#byId.values()].sort((a, b) => a.bundleId - b.bundleId));
  }

  /** The bundles of one symbolic name. */
  named(symbolicName: string): readonly Bundle[] {
    return this.#byName.get(symbolicName) ?? NONE;
  }

  /** The bundle behind a resolver key. */
  withKey(key: string): Bundle | undefined {
    return this.named(nameOfKey(key)).find((bundle) => bundle.key === key);
  }

  /** What the resolver sees, in install order. */
  candidates(): readonly ResolverBundle[] {
    return this.inOrder().map((bundle) => bundle.candidate);
  }
}
