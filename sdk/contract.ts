/**
 * Contracts: the typed meeting point of two bundles. One value holds id, version and the schemas of every
 * method; TypeScript types are inferred from it, forwarders are generated from it, and `pack` writes it
 * into the artifact so that a breaking change is found at deploy time.
 */
import type { Static, TSchema } from './schema.js';
import { SluiceError } from './error.js';

const CONTRACT = Symbol.for('sluice.contract');

/** The shape of one method: schemas of its arguments (by position) and of its result. */
export interface MethodShape {
  readonly args: readonly TSchema[];
  readonly result: TSchema;
  /** A synchronous method is pure, bounded and only usable inside one process tier. */
  readonly sync: boolean;
  readonly summary?: string;
}

interface TypedMethod<A extends readonly unknown[], R, S extends boolean> extends MethodShape {
  readonly sync: S;
  readonly __types?: { args: A; result: R };
}

type StaticArgs<A extends readonly TSchema[]> = { -readonly [K in keyof A]: A[K] extends TSchema ? Static<A[K]> : never };
type MethodsOf<M> = {
  [K in keyof M]: M[K] extends TypedMethod<infer A, infer R, infer S>
    ? (...args: A extends readonly unknown[] ? A : never) => S extends true ? R : Promise<R>
    : never;
};

/** A typed service interface with an id and a semantic version. */
export interface Contract<S = unknown> {
  readonly [CONTRACT]: true;
  readonly id: string;
  /** Semantic version `major.minor.patch`. Adding a method is a minor step, changing one a major step. */
  readonly version: string;
  /** A local contract hands over host objects by reference and cannot cross an isolation tier. */
  readonly local: boolean;
  readonly methods: Readonly<Record<string, MethodShape>>;
  /** Names of plain properties of a local service that a forwarder passes through. */
  readonly properties: readonly string[];
  /** Phantom: carries the service type for {@link ServiceOf}. */
  readonly __service?: S;
}

/** The TypeScript type of the service behind a contract. */
export type ServiceOf<C> = C extends Contract<infer S> ? S : never;

/** Describes an asynchronous method of a contract. */
export function method<const A extends readonly TSchema[], R extends TSchema>(
  args: A,
  result: R,
  summary?: string,
): TypedMethod<StaticArgs<A>, Static<R>, false> {
  return { args, result, sync: false, ...(summary === undefined ? {} : { summary }) };
}

/** Describes a pure, synchronous method (a decision, a check, a computation). */
export function syncMethod<const A extends readonly TSchema[], R extends TSchema>(
  args: A,
  result: R,
  summary?: string,
): TypedMethod<StaticArgs<A>, Static<R>, true> {
  return { args, result, sync: true, ...(summary === undefined ? {} : { summary }) };
}

const ID = /^[a-zA-Z][\w-]*(\.[a-zA-Z][\w-]*)+$/;
const VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/;
const METHOD_NAME = /^[a-zA-Z_$][\w$]*$/;

function checked<S>(
  id: string,
  version: string,
  local: boolean,
  methods: Record<string, MethodShape>,
  properties: readonly string[] = [],
): Contract<S> {
  const mistakes: string[] = [];
  if (!ID.test(id)) mistakes.push(`id '${id}' is not a dotted name such as 'core.ledger.Balances'`);
  if (!VERSION.test(version)) mistakes.push(`version '${version}' is not major.minor.patch`);
  for (const name of Object.keys(methods)) {
    if (!METHOD_NAME.test(name) || name === 'then' || name === 'constructor') mistakes.push(`method name '${name}' cannot be used`);
  }
  if (mistakes.length > 0) {
    throw new SluiceError('CONTRACT_INVALID', `Contract '${id}' is not usable: ${mistakes.join('; ')}`, {
      details: { id, version, mistakes },
    });
  }
  return Object.freeze({
    [CONTRACT]: true as const,
    id,
    version,
    local,
    methods: Object.freeze({ ...methods }),
    properties: Object.freeze([...properties]),
  });
}

/**
 * Declares a contract whose values can be cloned, so that it works in every isolation tier.
 * @throws SluiceError `CONTRACT_INVALID` naming every mistake in id, version and method names.
 */
export function contract<M extends Record<string, TypedMethod<any, any, boolean>>>(
  id: string,
  version: string,
  methods: M,
): Contract<MethodsOf<M>> {
  return checked<MethodsOf<M>>(id, version, false, methods);
}

const ANY: TSchema = {} as TSchema;

/**
 * Declares a contract that hands over host objects by reference (a database, a route table). Only inline bundles can use it.
 * @param methods names of the methods a forwarder must have; empty for services that are plain data (whiteboard services).
 * @param properties names of the properties a forwarder must pass through.
 */
export function localContract<S>(
  id: string,
  version: string,
  methods: readonly (keyof S & string)[],
  properties: readonly (keyof S & string)[] = [],
): Contract<S> {
  const shapes: Record<string, MethodShape> = {};
  for (const name of methods) shapes[name] = { args: [ANY, ANY, ANY, ANY], result: ANY, sync: true };
  return checked<S>(id, version, true, shapes, properties);
}

/** True for a contract, from whichever copy of the SDK it was made. */
export function isContract(value: unknown): value is Contract {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[CONTRACT] === true;
}
