/**
 * Finds routes that two bundles both claim. Pure.
 * Rules: a mount belongs to one bundle, with everything below it. Only the root is shared: its bundle serves what no other mount takes,
 * so none of its routes may lie below another bundle's mount. Inside one bundle a method and path occur once; an instance of a component
 * that is built anew may declare what the instance before it still serves.
 */
import { joinPath, mountContains } from './path.js';
import { areRebuilt, type CompiledRouteSet } from './route-set.js';

/** A refused claim. */
export interface RouteConflict {
  /** What is claimed twice: a mount, or `METHOD /path`. */
  readonly subject: string;
  /** Symbolic name and version of the bundle being added. */
  readonly claimant: string;
  /** Of the bundle that has it. */
  readonly holder: string;
  readonly reason: string;
}

/**
 * @param present sets that stay. @param added sets to add.
 * @returns every conflict that an added set takes part in.
 */
export function findConflicts(present: Iterable<CompiledRouteSet>, added: readonly CompiledRouteSet[]): readonly RouteConflict[] {
  const index = new ClaimIndex();
  for (const set of present) index.add(set);
  const conflicts: RouteConflict[] = [];
  for (const set of added) {
    for (const other of index.ofBundle(set.identity.bundle)) conflicts.push(...duplicateRoutes(set, other));
    conflicts.push(...duplicateRoutes(set, set), ...index.mountConflicts(set));
    index.add(set);
  }
  return conflicts;
}

/** Who holds which mount, so that a claim is checked without looking at every bundle. */
class ClaimIndex {
  readonly #byMount = new Map<string, CompiledRouteSet[]>();
  readonly #byAncestor = new Map<string, CompiledRouteSet[]>();
  readonly #byBundle = new Map<string, CompiledRouteSet[]>();

  add(set: CompiledRouteSet): void {
    append(this.#byMount, set.identity.mount, set);
    for (const ancestor of ancestorsOf(set.identity.mount)) append(this.#byAncestor, ancestor, set);
    append(this.#byBundle, set.identity.bundle, set);
  }

  ofBundle(bundle: string): readonly CompiledRouteSet[] {
    return this.#byBundle.get(bundle) ?? [];
  }

  mountConflicts(set: CompiledRouteSet): readonly RouteConflict[] {
    const { mount } = set.identity;
    const conflicts = conflictsWith(set, this.#byMount.get(mount), () => [[mount || '/', 'both are mounted there']]);
    if (mount === '') return [...conflicts, ...this.#pathsBelowOthers(set)];
    for (const ancestor of ancestorsOf(mount)) {
      conflicts.push(
        ...conflictsWith(set, this.#byMount.get(ancestor), () => [[mount, `it lies below the mount '${ancestor}' of the other`]]),
      );
    }
    conflicts.push(
      ...conflictsWith(set, this.#byAncestor.get(mount), (other) => [[other.identity.mount, `the other is mounted below '${mount}'`]]),
      ...conflictsWith(set, this.#byMount.get(''), (root) =>
        root
          .summaries()
          .filter(({ path }) => mountContains(mount, path.toLowerCase()))
          .map(({ method, path }) => [`${method} ${path}`, `the other serves it below this mount '${mount}'`]),
      ),
    );
    return conflicts;
  }

  #pathsBelowOthers(root: CompiledRouteSet): readonly RouteConflict[] {
    return root
      .summaries()
      .flatMap(({ method, path }) =>
        [path.toLowerCase(), ...ancestorsOf(path.toLowerCase())].flatMap((mount) =>
          conflictsWith(root, mount === '' ? undefined : this.#byMount.get(mount), () => [
            [`${method} ${path}`, `it lies below the mount '${mount}' of the other`],
          ]),
        ),
      );
  }
}

function conflictsWith(
  set: CompiledRouteSet,
  others: readonly CompiledRouteSet[] | undefined,
  describe: (other: CompiledRouteSet) => readonly (readonly [subject: string, reason: string])[],
): RouteConflict[] {
  return (others ?? [])
    .filter((other) => other.identity.bundle !== set.identity.bundle)
    .flatMap((other) => describe(other).map(([subject, reason]) => ({ subject, claimant: nameOf(set), holder: nameOf(other), reason })));
}

/** Mounts above one, nearest first, without the root. */
function ancestorsOf(mount: string): readonly string[] {
  const ancestors: string[] = [];
  for (let slash = mount.lastIndexOf('/'); slash > 0; slash = mount.lastIndexOf('/', slash - 1)) ancestors.push(mount.slice(0, slash));
  return ancestors;
}

function append(map: Map<string, CompiledRouteSet[]>, key: string, set: CompiledRouteSet): void {
  const sets = map.get(key);
  if (sets === undefined) map.set(key, [set]);
  else sets.push(set);
}

// Only typed routes: a router may hold one path twice on purpose, and runs both in order.
function duplicateRoutes(set: CompiledRouteSet, other: CompiledRouteSet): readonly RouteConflict[] {
  if (set.typed.length === 0 || other.typed.length === 0 || areRebuilt(set.identity, other.identity)) return [];
  const seen = new Map<string, string>();
  for (const route of other.typed) if (other !== set) seen.set(shapeOf(other, route), route.definition.operationId);
  const conflicts: RouteConflict[] = [];
  for (const route of set.typed) {
    const shape = shapeOf(set, route);
    const holder = seen.get(shape);
    const { method, path, operationId } = route.definition;
    if (holder !== undefined) {
      conflicts.push({
        subject: `${method} ${joinPath(set.identity.mount, path)}`,
        claimant: nameOf(set),
        holder: nameOf(other),
        reason: `'${operationId}' and '${holder}' declare the same method and path`,
      });
    }
    seen.set(shape, operationId);
  }
  return conflicts;
}

function shapeOf(set: CompiledRouteSet, route: CompiledRouteSet['typed'][number]): string {
  const segments = route.pattern.segments.map((segment) => segment ?? ':');
  return `${route.definition.method} ${set.identity.mount}/${segments.join('/')}`;
}

function nameOf(set: CompiledRouteSet): string {
  return `${set.identity.bundle} ${set.identity.version}`;
}
