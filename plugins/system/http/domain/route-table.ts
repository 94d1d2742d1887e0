/**
 * The immutable table of all routes. A change makes a new table; whoever holds the old one keeps serving from it.
 * Finding a route costs the same with ten bundles and with ten thousand routes: one look-up for the mount, one walk down its tree.
 */
import type { RouteSummary } from '@sluice/sdk';
import { nearestName } from './nearest.js';
import { areRebuilt, type CompiledRouteSet, type Hit } from './route-set.js';

interface Mount {
  readonly mount: string;
  readonly sets: readonly CompiledRouteSet[];
}

/** More routes than these are not compared for a hint: a flood of wrong paths must stay cheap. */
const HINT_ROUTES_MAX = 200;

/** All routes at one moment. */
export class RouteTable {
  static readonly EMPTY = new RouteTable(new Map());

  readonly #sets: ReadonlyMap<number, CompiledRouteSet>;
  readonly #mounts = new Map<string, Mount>();
  // How many segments mounts have, most first: a path is cut there to find its mount.
  readonly #depths: readonly number[];

  private constructor(sets: ReadonlyMap<number, CompiledRouteSet>) {
    this.#sets = sets;
    const depths = new Set<number>();
    for (const set of sets.values()) {
      const { mount } = set.identity;
      this.#mounts.set(mount, { mount, sets: placed(this.#mounts.get(mount)?.sets ?? [], set) });
      depths.add(depthOf(mount));
    }
    this.#depths = [...depths].sort((left, right) => right - left);
  }

  /** All sets. */
  get sets(): Iterable<CompiledRouteSet> {
    return this.#sets.values();
  }

  get isEmpty(): boolean {
    return this.#sets.size === 0;
  }

  /** A table without the sets of some services, and with others added. */
  with(added: readonly CompiledRouteSet[], removedServices: Iterable<number>): RouteTable {
    const sets = new Map(this.#sets);
    for (const id of removedServices) sets.delete(id);
    for (const set of added) sets.set(set.identity.serviceId, set);
    return new RouteTable(sets);
  }

  /** Sets of these services, as far as they are in the table. */
  setsOf(services: Iterable<number>): readonly CompiledRouteSet[] {
    return [...services].flatMap((id) => this.#sets.get(id) ?? []);
  }

  /** @param path path of a request without the query, as it came. */
  find(path: string, method: string): Hit | null {
    const mount = this.#mountOf(path);
    if (mount === undefined) return null;
    const below = path.slice(mount.mount.length);
    for (const set of mount.sets) {
      const hit = set.find(below, method);
      if (hit !== null) return hit;
    }
    return null;
  }

  /** Methods a path can be asked with. Empty when there is no such path. */
  allowed(path: string): readonly string[] {
    const mount = this.#mountOf(path);
    if (mount === undefined) return [];
    const below = path.slice(mount.mount.length);
    return [...new Set(mount.sets.flatMap((set) => set.allowed(below)))];
  }

  #mountOf(path: string): Mount | undefined {
    const lower = path.toLowerCase();
    for (const depth of this.#depths) {
      const end = endOfSegment(lower, depth);
      if (end === -1) continue;
      const mount = this.#mounts.get(end === lower.length ? lower : lower.slice(0, end));
      if (mount !== undefined) return mount;
    }
    return undefined;
  }

  /** All routes, for listings. */
  list(): readonly RouteSummary[] {
    return [...this.#sets.values()].flatMap((set) => set.summaries());
  }

  /** The route somebody probably meant, as `METHOD /path`. */
  nearest(path: string): string | undefined {
    const mount = this.#mountOf(path) ?? this.#nearestMount(path);
    if (mount === undefined) return undefined;
    const known = new Map<string, string>();
    for (const set of mount.sets) {
      for (const route of set.summaries()) {
        if (known.size === HINT_ROUTES_MAX) break;
        known.set(shapeLike(route.path, path), `${route.method} ${route.path}`);
      }
    }
    const name = nearestName(path, known.keys());
    return name === undefined ? undefined : known.get(name);
  }

  #nearestMount(path: string): Mount | undefined {
    const first = endOfSegment(path, 1);
    if (first === -1) return undefined;
    const names: string[] = [];
    for (const mount of this.#mounts.keys()) if (mount !== '' && names.length < HINT_ROUTES_MAX) names.push(mount);
    const name = nearestName(path.slice(0, first), names);
    return name === undefined ? undefined : this.#mounts.get(name);
  }
}

/** In order of arrival, but before those of an older instance of its component: from now on requests meet the younger one. */
function placed(sets: readonly CompiledRouteSet[], set: CompiledRouteSet): readonly CompiledRouteSet[] {
  const older = sets.findIndex(({ identity }) => areRebuilt(identity, set.identity));
  return older === -1 ? [...sets, set] : [...sets.slice(0, older), set, ...sets.slice(older)];
}

// Puts the segments of the path where the route has parameters, so that only the fixed text counts.
function shapeLike(route: string, path: string): string {
  const segments = path.split('/');
  return route
    .split('/')
    .map((segment, index) => (segment.startsWith(':') ? (segments[index] ?? segment) : segment))
    .join('/');
}

function depthOf(mount: string): number {
  return mount === '' ? 0 : mount.split('/').length - 1;
}

/** Where the first `count` segments of a path end; -1 when it has fewer. */
function endOfSegment(path: string, count: number): number {
  if (count === 0) return 0;
  let from = 0;
  for (let segment = 1; segment < count; segment += 1) {
    from = path.indexOf('/', from + 1);
    if (from === -1) return -1;
  }
  const end = path.indexOf('/', from + 1);
  return end === -1 ? path.length : end;
}
