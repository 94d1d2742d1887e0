/**
 * One component of a revision: decides from the state of its references whether there should be an instance, and acts on it.
 * All steps run in the runtime's queue, one at a time; only the building of a delayed instance runs in the call that demands it,
 * because the caller may itself be a step of the queue.
 */
import { type ComponentMetadata, type Constructor, SluiceError, componentMetadata, isSluiceError } from '@sluice/sdk';
import { Activation, componentFailure } from './activation.js';
import { canBeDelayed, delayedService } from './delayed-service.js';
import { serviceProperties, type WantedInstance } from './configured.js';
import { Instance } from './instance.js';
import { ReferenceSlot } from './reference-slot.js';
import type { ComponentRuntimeOptions, ComponentState } from './types.js';

/** Instances built in one generation. More means that components keep rebuilding each other. */
const BUILDS_MAX = 100;

/** What a component needs of its runtime. */
export interface ComponentSurroundings {
  readonly options: ComponentRuntimeOptions;
  /** A reference changed: settle again. */
  changed(component: ManagedComponent): void;
  /** An instance came to life; the order decides the order of the stop. */
  activated(component: ManagedComponent): void;
  /** Runs a step in the queue. */
  later(step: () => Promise<unknown>): void;
}

export class ManagedComponent {
  readonly metadata: ComponentMetadata;
  readonly slots: readonly ReferenceSlot[];
  readonly delayed: boolean;
  state: ComponentState = 'unsatisfied';
  /** Why the last attempt failed; null after a success. */
  failure: SluiceError | null = null;
  private current: Instance | null = null;
  /** Instances that older entries still use. */
  private readonly lingering = new Set<Instance>();
  /** The building of a delayed instance under way. Never rejects. */
  private building: Promise<SluiceError | null> | null = null;
  private builds = 0;
  private buildsIn = -1;

  /** @throws SluiceError `COMPONENT_INVALID` */
  constructor(
    readonly target: Constructor,
    private readonly surroundings: ComponentSurroundings,
    /** The configuration it has now. */
    public wanted: WantedInstance,
  ) {
    this.metadata = componentMetadata(target);
    const { owner, registry } = surroundings.options;
    const changed = (): void => surroundings.changed(this);
    this.slots = this.metadata.references.map((reference) => new ReferenceSlot(reference, owner, registry, changed));
    this.delayed = !this.metadata.immediate && canBeDelayed(this.metadata.provides);
  }

  /** Its name, with that of its configuration when it has one of its own. */
  get name(): string {
    const { name } = this.metadata;
    return this.wanted.key === undefined ? name : `${name}[${this.wanted.key}]`;
  }

  get satisfied(): boolean {
    return this.slots.every((slot) => slot.satisfied);
  }

  /** Brings the component to where its references want it. */
  async settle(): Promise<void> {
    await this.building;
    const { current } = this;
    if (!this.satisfied) {
      this.current = null;
      this.failure = null;
      this.state = current === null ? 'unsatisfied' : 'deactivating';
      await this.dismiss(current);
      this.state = 'unsatisfied';
    } else if (current === null) {
      await (this.delayed ? this.publishDelayed() : this.build());
    } else if (current.activation?.outdated === true) {
      await this.rebuild(current);
    }
  }

  /** Hands over a new configuration, or builds anew. Returns the refusal; the configuration before is back in force then. */
  async reconfigure(wanted: WantedInstance): Promise<SluiceError | null> {
    const before = this.wanted;
    this.wanted = wanted;
    if (this.metadata.configuration.policy === 'ignore') return null;
    const failure = await this.takeOver(wanted.config);
    if (failure !== null) this.wanted = before;
    return failure;
  }

  private async takeOver(config: unknown): Promise<SluiceError | null> {
    await this.building;
    const { current } = this;
    if (current === null) {
      if (this.state === 'failed' && this.satisfied) await this.settle();
      return this.failure;
    }
    const { activation } = current;
    if (activation !== null && this.metadata.modified === undefined) return this.rebuild(current);
    try {
      await activation?.modified(config);
      if (this.metadata.configuration.properties.length > 0) current.show(this.properties);
      return null;
    } catch (error) {
      return error as SluiceError;
    }
  }

  /** Stops following references and takes everything down. Returns what @Deactivate failed with. */
  async end(): Promise<SluiceError | null> {
    for (const slot of this.slots) slot.close();
    await this.building;
    let failure: SluiceError | null = null;
    const instances = [...this.lingering, this.current];
    this.lingering.clear();
    this.current = null;
    for (const instance of instances) failure = (await instance?.end()) ?? failure;
    this.state = 'unsatisfied';
    return failure;
  }

  private async build(): Promise<void> {
    this.state = 'activating';
    try {
      const activation = await this.begin();
      // What the instance was built on may have left meanwhile: nothing of it becomes visible then.
      if (this.satisfied) await this.install(activation);
      else await activation.end();
      this.state = this.current === null ? 'unsatisfied' : 'active';
    } catch (error) {
      this.failed(error);
    }
  }

  /** The next instance is ready before the old one goes, and the services change hands in one synchronous step. */
  private async rebuild(old: Instance): Promise<SluiceError | null> {
    let next: Activation;
    try {
      next = await this.begin();
    } catch (error) {
      const failure = this.asFailure(error);
      // Keep the way back: the old instance stays when everything it was built with is still there.
      if (old.activation?.holds === true && this.satisfied) {
        this.options.warn(failure.code, `${failure.message} (the instance before it goes on)`, failure.details);
        return failure;
      }
      this.current = null;
      await this.dismiss(old);
      return this.failed(failure);
    }
    if (this.delayed) {
      // The services stay: they stand in for whichever instance there is.
      const before = new Instance(this.options, old.activation);
      this.adopt(old, next);
      await this.dismiss(before);
      return null;
    }
    old.fade();
    let failure: SluiceError | null = null;
    try {
      await this.install(next);
      this.state = 'active';
    } catch (error) {
      this.current = null;
      failure = this.failed(error);
    }
    await this.dismiss(old);
    return failure;
  }

  /** Makes the services of an activation visible. Ends it when they cannot be registered. */
  private async install(activation: Activation): Promise<void> {
    const instance = new Instance(this.options, activation);
    try {
      instance.publish(this.metadata.provides, this.properties, () => activation.instance);
    } catch (error) {
      await instance.end();
      throw componentFailure(this.options, this.metadata.name, 'registering its services', error);
    }
    this.adopt(instance, activation);
  }

  private adopt(instance: Instance, activation: Activation): void {
    instance.activation = activation;
    this.current = instance;
    this.state = 'active';
    this.failure = null;
    this.surroundings.activated(this);
  }

  /** Ends an instance, or lets it linger while entries run that began before the last switch. */
  private async dismiss(instance: Instance | null): Promise<void> {
    if (instance === null) return;
    const { registry } = this.options;
    if (!registry.draining) {
      await instance.end();
      return;
    }
    instance.fade();
    this.lingering.add(instance);
    registry.whenDrained(() => this.surroundings.later(async () => this.lingering.delete(instance) && instance.end()));
  }

  private async begin(): Promise<Activation> {
    this.countBuild();
    return Activation.begin(this.options, this.metadata, this.target, this.slots, () => this.wanted.config);
  }

  private countBuild(): void {
    const { generation } = this.options.registry;
    if (this.buildsIn !== generation) this.builds = 0;
    this.buildsIn = generation;
    this.builds += 1;
    if (this.builds <= BUILDS_MAX) return;
    const { name } = this.metadata;
    throw new SluiceError(
      'COMPONENT_OSCILLATES',
      `Component '${name}' was built ${BUILDS_MAX} times in generation ${generation}: it and others keep rebuilding each other`,
      {
        details: { component: name, generation, builds: BUILDS_MAX },
        remedy: 'Make one of the static references between them dynamic.',
      },
    );
  }

  private async publishDelayed(): Promise<void> {
    const instance = new Instance(this.options, null);
    try {
      instance.publish(this.metadata.provides, this.properties, (contract) =>
        delayedService(
          contract,
          () => instance.activation?.instance ?? null,
          () => this.demand(instance),
        ),
      );
      this.current = instance;
      this.state = 'satisfied';
      this.failure = null;
    } catch (error) {
      this.failed(error);
    }
  }

  /** The instance of a delayed component, built now when there is none. A failed attempt is repeated by the next call. */
  private async demand(instance: Instance): Promise<object> {
    if (instance !== this.current) throw this.unavailable(null);
    const failure = await (this.building ??= this.buildDelayed(instance));
    if (instance.activation === null) throw this.unavailable(failure);
    return instance.activation.instance;
  }

  private async buildDelayed(instance: Instance): Promise<SluiceError | null> {
    this.state = 'activating';
    try {
      this.adopt(instance, await this.begin());
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

  private get properties(): Readonly<Record<string, unknown>> {
    return { ...this.metadata.properties, ...serviceProperties(this.metadata, this.wanted), 'component.name': this.metadata.name };
  }

  private get options(): ComponentRuntimeOptions {
    return this.surroundings.options;
  }
}
