/**
 * One component of a revision: decides from the state of its references whether there should be an instance, and acts on it.
 * All steps run in the runtime's queue, one at a time; only the building of a delayed instance runs in the call that demands it,
 * because the caller may itself be a step of the queue.
 */
import {
  type ComponentMetadata,
  type Constructor,
  type Contract,
  type Registration,
  SluiceError,
  componentMetadata,
  isSluiceError,
} from '@sluice/sdk';
import type { Stage } from '../registry/index.js';
import { Activation, componentFailure } from './activation.js';
import { canBeDelayed, delayedService } from './delayed-service.js';
import { ReferenceSlot } from './reference-slot.js';
import type { ComponentRuntimeOptions, ComponentState } from './types.js';

/** Instances built in one generation without a change from outside. More means that components keep rebuilding each other. */
const BUILDS_MAX = 100;

/** What a component needs of its runtime. */
export interface ComponentSurroundings {
  readonly options: ComponentRuntimeOptions;
  /** The stage while it is open. */
  stage(): Stage | null;
  /** A reference changed: settle again. */
  changed(component: ManagedComponent): void;
  /** An instance came to life; the order decides the order of the stop. */
  activated(component: ManagedComponent): void;
}

export class ManagedComponent {
  readonly metadata: ComponentMetadata;
  readonly slots: readonly ReferenceSlot[];
  readonly delayed: boolean;
  state: ComponentState = 'unsatisfied';
  /** Why the last attempt failed; null after a success. */
  failure: SluiceError | null = null;
  private activation: Activation | null = null;
  private registrations: Registration[] = [];
  /** The building of a delayed instance under way. Never rejects. */
  private building: Promise<SluiceError | null> | null = null;
  private builds = 0;
  private buildsIn = -1;

  /** @throws SluiceError `COMPONENT_INVALID` */
  constructor(
    private readonly target: Constructor,
    private readonly surroundings: ComponentSurroundings,
  ) {
    this.metadata = componentMetadata(target);
    const { owner, registry } = surroundings.options;
    const changed = (): void => surroundings.changed(this);
    this.slots = this.metadata.references.map((reference) => new ReferenceSlot(reference, owner, registry, changed));
    this.delayed = !this.metadata.immediate && canBeDelayed(this.metadata.provides);
  }

  get satisfied(): boolean {
    return this.slots.every((slot) => slot.satisfied);
  }

  get alive(): boolean {
    return this.activation !== null;
  }

  /** Brings the component to where its references want it. */
  async settle(): Promise<void> {
    await this.building;
    if (!this.satisfied) {
      await this.takeDown();
      this.state = 'unsatisfied';
      this.failure = null;
    } else if (this.activation !== null) {
      if (this.activation.outdated) await this.rebuild();
    } else if (!this.delayed) {
      await this.build();
    } else if (this.registrations.length === 0) {
      this.publishDelayed();
    }
  }

  /** Hands over a new configuration, or builds anew. Returns the refusal. */
  async reconfigure(config: unknown): Promise<SluiceError | null> {
    await this.building;
    if (this.activation === null) {
      if (this.state === 'failed' && this.satisfied) await this.settle();
      return this.failure;
    }
    if (this.metadata.modified === undefined) return this.rebuild();
    try {
      await this.activation.modified(config);
      return null;
    } catch (error) {
      return error as SluiceError;
    }
  }

  /** Takes the component down: its services first, then @Deactivate, then its scope. Returns what @Deactivate failed with. */
  async takeDown(): Promise<SluiceError | null> {
    await this.building;
    const { activation } = this;
    this.unpublish();
    if (activation === null) return null;
    this.state = 'deactivating';
    this.activation = null;
    return activation.end();
  }

  /** Stops following references. Called once, before the last take-down. */
  close(): void {
    for (const slot of this.slots) slot.close();
  }

  private async build(): Promise<void> {
    this.state = 'activating';
    try {
      const activation = await this.begin();
      // What the instance was built on may have left meanwhile: nothing of it becomes visible then.
      if (!this.satisfied) {
        await activation.end();
        this.state = 'unsatisfied';
        return;
      }
      await this.install(activation);
    } catch (error) {
      this.failed(error);
    }
  }

  /** The next instance is ready before the old one goes, and the services change hands in one synchronous step. */
  private async rebuild(): Promise<SluiceError | null> {
    const old = this.activation as Activation;
    let next: Activation;
    try {
      next = await this.begin();
    } catch (error) {
      const failure = this.asFailure(error);
      // Keep the way back: the old instance stays when everything it was built with is still there.
      if (old.holds && this.satisfied) {
        this.options.warn(failure.code, `${failure.message} (the instance before it goes on)`, failure.details);
        return failure;
      }
      await this.takeDown();
      this.failed(failure);
      return failure;
    }
    if (!this.delayed) this.unpublish();
    this.activation = null;
    let failure: SluiceError | null = null;
    try {
      await this.install(next);
    } catch (error) {
      failure = this.failed(error);
    }
    await old.end();
    return failure;
  }

  /** Makes an instance the living one and its services visible. Ends it when they cannot be registered. */
  private async install(activation: Activation): Promise<void> {
    try {
      if (!this.delayed) this.publish(() => activation.instance);
    } catch (error) {
      this.unpublish();
      await activation.end();
      throw componentFailure(this.options, this.metadata.name, 'registering its services', error);
    }
    this.activation = activation;
    this.state = 'active';
    this.failure = null;
    this.surroundings.activated(this);
  }

  private async begin(): Promise<Activation> {
    this.countBuild();
    return Activation.begin(this.options, this.metadata, this.target, this.slots, this.surroundings.stage());
  }

  private countBuild(): void {
    const { generation } = this.options.registry;
    if (this.buildsIn !== generation) this.builds = 0;
    this.buildsIn = generation;
    this.builds += 1;
    if (this.builds <= BUILDS_MAX) return;
    throw new SluiceError(
      'COMPONENT_OSCILLATES',
      `Component '${this.metadata.name}' was built ${BUILDS_MAX} times in generation ${generation}: it and others keep rebuilding each other`,
      {
        details: { component: this.metadata.name, generation, builds: BUILDS_MAX },
        remedy: 'Make one of the static references between them dynamic.',
      },
    );
  }

  private publishDelayed(): void {
    try {
      this.publish((contract) =>
        delayedService(
          contract,
          () => this.activation?.instance ?? null,
          () => this.demand(),
        ),
      );
      this.state = 'satisfied';
    } catch (error) {
      this.unpublish();
      this.failed(error);
    }
  }

  /** The instance of a delayed component, built now when there is none. A failed attempt is repeated by the next call. */
  private async demand(): Promise<object> {
    while (this.activation === null) {
      if (this.registrations.length === 0) throw this.unavailable(this.failure);
      const failure = await (this.building ??= this.buildDelayed());
      if (failure !== null) throw this.unavailable(failure);
    }
    return this.activation.instance;
  }

  private async buildDelayed(): Promise<SluiceError | null> {
    this.state = 'activating';
    try {
      await this.install(await this.begin());
      return null;
    } catch (error) {
      const failure = this.failed(error);
      this.state = 'satisfied';
      return failure;
    } finally {
      this.building = null;
      this.surroundings.changed(this);
    }
  }

  private publish(serviceOf: (contract: Contract) => object): void {
    const { owner, registry } = this.options;
    const properties = { ...this.metadata.properties, 'component.name': this.metadata.name };
    for (const contract of this.metadata.provides) {
      this.registrations.push(registry.register(owner, contract, serviceOf(contract), properties, this.surroundings.stage()));
    }
  }

  private unpublish(): void {
    const registrations = this.registrations;
    this.registrations = [];
    for (const registration of registrations.reverse()) registration.unregister();
  }

  private failed(error: unknown): SluiceError {
    const failure = this.asFailure(error);
    this.state = 'failed';
    this.failure = failure;
    this.options.warn(failure.code, failure.message, { ...failure.details, error: failure.cause });
    return failure;
  }

  private asFailure(error: unknown): SluiceError {
    return isSluiceError(error) ? error : componentFailure(this.options, this.metadata.name, 'its activation', error);
  }

  private unavailable(cause: SluiceError | null): SluiceError {
    const { name } = this.metadata;
    const { symbolicName, version } = this.options.owner;
    return new SluiceError(
      'SERVICE_UNAVAILABLE',
      `Component '${name}' of '${symbolicName}' ${version} could not be built: ${cause?.message ?? 'it was taken down'}`,
      {
        details: { component: name, bundle: symbolicName, version },
        ...(cause === null ? {} : { cause }),
        retryable: true,
        httpStatus: 503,
        remedy: 'The next call tries again.',
      },
    );
  }

  private get options(): ComponentRuntimeOptions {
    return this.surroundings.options;
  }
}
