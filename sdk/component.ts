/**
 * Declarative components over tsyringe: `@Component`, `@Reference`, `@Activate`, `@Deactivate`, `@Modified`.
 * The decorators only record; the kernel decides when a component is satisfied, builds it in a container of its own
 * and undoes everything it acquired (OSGi Compendium R8 chapter 112 is the model).
 */
import 'reflect-metadata';
import { inject, injectable } from 'tsyringe';
import type { Contract } from './contract.js';
import type { ReferenceOptions, ServiceProperties } from './service.js';
import { SluiceError } from './error.js';

/** Any class. */
export type Constructor<T = object> = new (...args: any[]) => T;

/** How many services a reference needs and may take. */
export type Cardinality = '0..1' | '1..1' | '0..n' | '1..n';

/** Options of `@Reference`. */
export interface ComponentReferenceOptions extends ReferenceOptions {
  /**
   * Default `1..1`. With `1..1` the parameter is the service itself; with `0..1` an `OptionalReference`;
   * with `0..n` and `1..n` a `ServiceList`.
   */
  readonly cardinality?: Cardinality;
  /**
   * `dynamic` (default): the component lives on while the service behind the reference changes.
   * `static`: the component is deactivated and activated anew when the bound service changes.
   */
  readonly policy?: 'static' | 'dynamic';
  /** With policy `static`: `reluctant` (default) keeps the bound service while it lives, `greedy` takes a better one at once. */
  readonly policyOption?: 'reluctant' | 'greedy';
}

/** One recorded reference. `index` is the position in the constructor. */
export interface ReferenceMetadata {
  readonly index: number;
  readonly token: symbol;
  readonly contract: Contract;
  readonly cardinality: Cardinality;
  readonly policy: 'static' | 'dynamic';
  readonly policyOption: 'reluctant' | 'greedy';
  readonly filter: string | undefined;
  readonly range: string | undefined;
}

/** What a component gets of its bundle's configuration, and what a change of it does. */
export interface ComponentConfigurationOptions {
  /**
   * Key of the bundle's configuration whose value, an object, is the configuration of this component. When the schema marks the key with
   * `"x-factory": true`, each key `<key>~<name>` makes one instance. Default: the whole configuration of the bundle.
   */
  readonly key?: string;
  /**
   * `optional` (default): there is an instance also without a configuration. `require`: none without; needs a `key`.
   * `ignore`: no change of configuration ever touches the instance.
   */
  readonly policy?: 'optional' | 'require' | 'ignore';
  /** Names of values of the configuration that become properties of the services. Everybody sees them: never name a secret. */
  readonly properties?: readonly string[];
}

/** Options of `@Component`. */
export interface ComponentOptions {
  /** Unique in its bundle; default: the class name. */
  readonly name?: string;
  /** Contracts under which the instance is registered. */
  readonly provides?: Contract | readonly Contract[];
  readonly properties?: ServiceProperties;
  /** Default true when the component provides nothing; a component that provides services and says `false` is built at the first use. */
  readonly immediate?: boolean;
  readonly configuration?: ComponentConfigurationOptions;
}

/** Everything recorded about a component class. */
export interface ComponentMetadata {
  readonly name: string;
  readonly provides: readonly Contract[];
  readonly properties: ServiceProperties;
  readonly immediate: boolean;
  readonly configuration: {
    readonly key: string | undefined;
    readonly policy: 'optional' | 'require' | 'ignore';
    readonly properties: readonly string[];
  };
  readonly references: readonly ReferenceMetadata[];
  readonly activate: string | undefined;
  readonly deactivate: string | undefined;
  readonly modified: string | undefined;
}

interface Draft {
  references: ReferenceMetadata[];
  activate?: string;
  deactivate?: string;
  modified?: string;
  options?: ComponentOptions;
}

// Keyed weakly by class: metadata of a revision goes with its classes.
const drafts = new WeakMap<object, Draft>();

function draftOf(target: object): Draft {
  let draft = drafts.get(target);
  if (draft === undefined) drafts.set(target, (draft = { references: [] }));
  return draft;
}

/** Marks a class as a component of its bundle. */
export function Component(options: ComponentOptions = {}): (target: Constructor) => void {
  return (target) => {
    injectable()(target);
    draftOf(target).options = options;
  };
}

/** Binds a constructor parameter to a service. */
export function Reference(contract: Contract, options: ComponentReferenceOptions = {}): ParameterDecorator {
  return (target, propertyKey, index) => {
    if (propertyKey !== undefined) {
      throw new SluiceError('COMPONENT_INVALID', `@Reference belongs on a constructor parameter, found on '${String(propertyKey)}'`);
    }
    const token = Symbol(`reference ${contract.id}#${index}`);
    inject(token)(target, propertyKey, index);
    draftOf(target).references.push({
      index,
      token,
      contract,
      cardinality: options.cardinality ?? '1..1',
      policy: options.policy ?? 'dynamic',
      policyOption: options.policyOption ?? 'reluctant',
      filter: options.filter,
      range: options.range,
    });
  };
}

/** Token of the component's own context, for {@link Context}. */
export const CONTEXT_TOKEN: unique symbol = Symbol.for('sluice.context') as never;

/** Injects the component's `BundleContext` into a constructor parameter. */
export function Context(): ParameterDecorator {
  return (target, propertyKey, index) => inject(CONTEXT_TOKEN)(target, propertyKey, index);
}

type MethodDecoratorFor = (target: object, propertyKey: string) => void;

/** The method called, with the `BundleContext`, once the component is built. May be asynchronous. */
export function Activate(): MethodDecoratorFor {
  return (target, key) => void (draftOf(target.constructor).activate = key);
}

/** The method called before the component is taken down. What it acquired through its context is undone anyway. */
export function Deactivate(): MethodDecoratorFor {
  return (target, key) => void (draftOf(target.constructor).deactivate = key);
}

/** The method called with the new configuration; without it a change of configuration builds the component anew. */
export function Modified(): MethodDecoratorFor {
  return (target, key) => void (draftOf(target.constructor).modified = key);
}

/**
 * Reads what the decorators recorded.
 * @throws SluiceError `COMPONENT_INVALID` when the class has no `@Component`, or requires a configuration without naming its key.
 */
export function componentMetadata(target: Constructor): ComponentMetadata {
  const draft = drafts.get(target);
  if (draft?.options === undefined) {
    throw new SluiceError('COMPONENT_INVALID', `Class '${target.name}' is listed as a component but has no @Component decorator`);
  }
  const { options } = draft;
  const { key, policy = 'optional', properties = [] } = options.configuration ?? {};
  if (policy === 'require' && key === undefined) {
    throw new SluiceError(
      'COMPONENT_INVALID',
      `Component '${options.name ?? target.name}' requires a configuration but does not say which`,
      {
        details: { component: options.name ?? target.name },
        remedy: 'Name the key: @Component({ configuration: { key, policy: "require" } }).',
      },
    );
  }
  const provides =
    options.provides === undefined ? [] : Array.isArray(options.provides) ? options.provides : [options.provides as Contract];
  return {
    name: options.name ?? target.name,
    provides,
    properties: options.properties ?? {},
    immediate: options.immediate ?? true,
    configuration: { key, policy, properties },
    references: [...draft.references].sort((a, b) => a.index - b.index),
    activate: draft.activate,
    deactivate: draft.deactivate,
    modified: draft.modified,
  };
}
