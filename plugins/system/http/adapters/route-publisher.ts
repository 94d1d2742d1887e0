/**
 * The http bundle's part in every swap: compiles the routes of new revisions while they are invisible, refuses conflicts, tests them
 * through the real handlers, and publishes them with one assignment.
 */
import { SluiceError, type RouteSet, type ServicePublisher, type ServiceView } from '@sluice/sdk';
import { findConflicts, type RouteConflict } from '../domain/conflicts.js';
import { normaliseMount } from '../domain/path.js';
import { CompiledRouteSet, type RouteSetIdentity } from '../domain/route-set.js';
import type { SchemaCache } from '../domain/schema-cache.js';
import { compilesNeeded, compileTypedRoute, mistakesOf, type TypedRoute } from '../domain/typed-route.js';
import type { RequestHandler } from './request-handler.js';
import { selfTest } from './self-test.js';

/** Routes ready to be published. */
export interface PreparedRoutes {
  readonly sets: readonly CompiledRouteSet[];
  /** Services that will be gone, for the table of the self-test. */
  readonly replaced: readonly number[];
}

interface Registered {
  readonly service: RouteSet;
  readonly view: ServiceView;
}

/** One schema takes one to two milliseconds: after this many the event loop gets a turn, so that running requests do not wait. */
const COMPILES_PER_TURN = 4;

/** Publishes `Routes` services into the handler's table. */
export class RoutePublisher implements ServicePublisher<RouteSet, PreparedRoutes> {
  readonly #handler: RequestHandler;
  readonly #cache: SchemaCache;
  readonly #selfTest: typeof selfTest;

  constructor(handler: RequestHandler, cache: SchemaCache, test: typeof selfTest = selfTest) {
    this.#handler = handler;
    this.#cache = cache;
    this.#selfTest = test;
  }

  /** Synchronous when there is little to compile, so that routes registered at run time are there when `register` returns. */
  prepare(services: readonly Registered[], replaces: readonly ServiceView[]): PreparedRoutes | Promise<PreparedRoutes> {
    for (const { service, view } of services) checkDeclarations(service, view);
    const routes = services.flatMap(({ service }) => service.routes ?? []);
    const compiles = routes.reduce((sum, definition) => sum + compilesNeeded(definition, this.#cache), 0);
    if (compiles > COMPILES_PER_TURN) return this.#prepareInTurns(services, replaces);
    const steps = this.#compile(services);
    for (;;) {
      const step = steps.next();
      if (step.done) return this.#checked(step.value, services, replaces);
    }
  }

  async #prepareInTurns(services: readonly Registered[], replaces: readonly ServiceView[]): Promise<PreparedRoutes> {
    const steps = this.#compile(services);
    for (;;) {
      const step = steps.next();
      if (step.done) return this.#checked(step.value, services, replaces);
      await new Promise<void>((resolve) => void setImmediate(resolve));
    }
  }

  // Yields where other work may run in between.
  *#compile(services: readonly Registered[]): Generator<void, readonly CompiledRouteSet[]> {
    const sets: CompiledRouteSet[] = [];
    let typed: TypedRoute[] = [];
    try {
      for (const { service, view } of services) {
        typed = [];
        let compiles = 0;
        for (const definition of service.routes ?? []) {
          compiles += compilesNeeded(definition, this.#cache);
          typed.push(compileTypedRoute(definition, this.#cache));
          if (compiles < COMPILES_PER_TURN) continue;
          compiles = 0;
          yield;
        }
        sets.push(new CompiledRouteSet(identityOf(view), service, typed));
      }
      return sets;
    } catch (error) {
      for (const route of typed) for (const schema of route.schemas) this.#cache.release(schema);
      for (const set of sets) set.release(this.#cache);
      throw error;
    }
  }

  #checked(sets: readonly CompiledRouteSet[], services: readonly Registered[], replaces: readonly ServiceView[]): PreparedRoutes {
    const leaving = new Set([...replaces, ...services.map(({ view }) => view)].map((view) => view.id));
    const staying = [...this.#handler.table.sets].filter((set) => !leaving.has(set.identity.serviceId));
    const conflicts = findConflicts(staying, sets);
    if (conflicts.length > 0) {
      for (const set of sets) set.release(this.#cache);
      throw conflictError(conflicts);
    }
    return { sets, replaced: [...leaving] };
  }

  async probe(prepared: PreparedRoutes, signal: AbortSignal): Promise<void> {
    await this.#selfTest(this.#handler, prepared, signal);
  }

  publish(prepared: PreparedRoutes | undefined, removed: readonly ServiceView[]): void {
    const { table } = this.#handler;
    const ids = removed.map((view) => view.id);
    const added = prepared?.sets ?? [];
    const gone = table.setsOf([...ids, ...added.map((set) => set.identity.serviceId)]);
    this.#handler.table = table.with(added, ids);
    this.#handler.retireStreams(new Set(gone));
    for (const set of gone) set.release(this.#cache);
  }

  discard(prepared: PreparedRoutes): void {
    for (const set of prepared.sets) set.release(this.#cache);
  }
}

function identityOf(view: ServiceView): RouteSetIdentity {
  const property = Object.entries(view.properties).find(([name]) => name.toLowerCase() === 'http.mount')?.[1];
  const mount = typeof property === 'string' ? property : `/${view.bundle}`;
  const { 'component.name': name, 'component.id': id } = view.properties;
  return {
    serviceId: view.id,
    bundle: view.bundle,
    version: view.bundleVersion,
    mount: normaliseMount(mount),
    ...(typeof name === 'string' && typeof id === 'number' ? { component: { name, id } } : {}),
  };
}

function checkDeclarations(service: RouteSet, view: ServiceView): void {
  const routes = service.routes ?? [];
  const mistakes = routes.flatMap(mistakesOf);
  const ids = new Set<string>();
  for (const { operationId } of routes) {
    if (ids.has(operationId)) mistakes.push(`operationId '${operationId}' is used twice`);
    ids.add(operationId);
  }
  if (mistakes.length === 0) return;
  throw new SluiceError('ROUTE_INVALID', `Routes of '${view.bundle}' ${view.bundleVersion} cannot be served: ${mistakes.join('; ')}`, {
    details: { bundle: view.bundle, version: view.bundleVersion, mistakes },
    remedy: 'Correct the declarations and pack the bundle again.',
  });
}

function conflictError(conflicts: readonly RouteConflict[]): SluiceError {
  const lines = conflicts.map(({ subject, claimant, holder, reason }) => `${subject} of ${claimant} collides with ${holder}: ${reason}`);
  return new SluiceError('ROUTE_CONFLICT', `Routes cannot be published: ${lines.join('; ')}`, {
    details: { conflicts },
    remedy: "Give one of the bundles another mount (manifest 'http.mount'), or remove the route from one of them.",
  });
}
