/**
 * One life of a component instance: from container and constructor over @Activate to @Deactivate and the end of its scope.
 * Always holds: what `begin` acquired before it failed is given back before it rejects; `end` gives back everything and never rejects.
 */
import { type BundleContext, type ComponentMetadata, CONTEXT_TOKEN, type Constructor, SluiceError, codeOf, messageOf } from '@sluice/sdk';
import type { AcquiredReference, ReferenceSlot } from './reference-slot.js';
import type { ComponentContext, ComponentRuntimeOptions } from './types.js';

type Method = (argument: unknown) => void | Promise<void>;

export class Activation {
  private constructor(
    private readonly options: ComponentRuntimeOptions,
    private readonly metadata: ComponentMetadata,
    readonly instance: object,
    private readonly context: ComponentContext,
    private readonly references: ReadonlyMap<ReferenceSlot, AcquiredReference>,
  ) {}

  /** Builds an instance and activates it. @throws SluiceError `COMPONENT_FAILED` with the step and the cause */
  static async begin(
    options: ComponentRuntimeOptions,
    metadata: ComponentMetadata,
    target: Constructor,
    slots: readonly ReferenceSlot[],
    config: () => Readonly<Record<string, unknown>>,
  ): Promise<Activation> {
    const context = options.createContext(metadata.name, config);
    const references = new Map<ReferenceSlot, AcquiredReference>();
    let step = 'its references';
    try {
      for (const slot of slots) references.set(slot, slot.acquire(options.stage));
      step = 'its constructor';
      const instance = await options.limit(`constructor of component '${metadata.name}'`, options.activateTimeoutMs, () =>
        build(options, target, context.context, references),
      );
      const activation = new Activation(options, metadata, instance, context, references);
      step = '@Activate';
      await activation.call('activate', metadata.activate, options.activateTimeoutMs, context.context);
      return activation;
    } catch (error) {
      for (const reference of references.values()) reference.close();
      await closeContext(options, metadata.name, context);
      throw componentFailure(options, metadata.name, step, error);
    }
  }

  /** True when everything a static reference was bound to is still there. */
  get holds(): boolean {
    return [...this.references].every(([slot, { boundIds }]) => slot.holds(boundIds));
  }

  /** True when a static reference asks for another instance. */
  get outdated(): boolean {
    return [...this.references].some(([slot, { boundIds }]) => slot.demandsRebuild(boundIds));
  }

  /** Hands over a new configuration. @throws SluiceError `COMPONENT_FAILED` */
  async modified(config: unknown): Promise<void> {
    try {
      await this.call('modified', this.metadata.modified, this.options.activateTimeoutMs, config);
    } catch (error) {
      throw componentFailure(this.options, this.metadata.name, '@Modified', error);
    }
  }

  /** Deactivates, closes the scope, gives back the references. Returns what @Deactivate failed with. */
  async end(): Promise<SluiceError | null> {
    let failure: SluiceError | null = null;
    try {
      await this.call('deactivate', this.metadata.deactivate, this.options.deactivateTimeoutMs, this.context.context);
    } catch (error) {
      failure = componentFailure(this.options, this.metadata.name, '@Deactivate', error);
      this.options.warn(failure.code, failure.message, { ...failure.details, error });
    }
    await closeContext(this.options, this.metadata.name, this.context);
    for (const reference of this.references.values()) reference.close();
    return failure;
  }

  private async call(what: string, method: string | undefined, limitMs: number, argument: unknown): Promise<void> {
    if (method === undefined) return;
    const instance = this.instance as Record<string, Method>;
    await this.options.limit(`${what} of component '${this.metadata.name}'`, limitMs, () => instance[method]?.(argument));
  }
}

/** The error of a component, whatever went wrong in it. */
export function componentFailure(options: ComponentRuntimeOptions, component: string, step: string, cause: unknown): SluiceError {
  const { symbolicName: bundle, version } = options.owner;
  return new SluiceError('COMPONENT_FAILED', `Component '${component}' of '${bundle}' ${version} failed in ${step}: ${messageOf(cause)}`, {
    details: { component, bundle, version, step, causeCode: codeOf(cause) },
    cause,
    remedy: 'Correct the cause. The component is tried again when one of its references or its configuration changes.',
  });
}

/** The child is forgotten, never disposed: disposing would also end singletons of the revision, and the scope owns what must be undone. */
function build(
  options: ComponentRuntimeOptions,
  target: Constructor,
  context: BundleContext,
  references: ReadonlyMap<ReferenceSlot, AcquiredReference>,
): object {
  const container = options.container.createChildContainer();
  container.register(CONTEXT_TOKEN, { useValue: context });
  for (const [slot, { value }] of references) container.register(slot.metadata.token, { useValue: value });
  // Registered here so that a class also marked @singleton is still built anew for each activation.
  container.register(target, { useClass: target });
  return container.resolve(target);
}

async function closeContext(options: ComponentRuntimeOptions, name: string, context: ComponentContext): Promise<void> {
  try {
    await options.limit(`closing the scope of component '${name}'`, options.deactivateTimeoutMs, () => context.close());
  } catch (error) {
    const { code, message, details } = componentFailure(options, name, 'closing its scope', error);
    options.warn(code, message, { ...details, error });
  }
}
