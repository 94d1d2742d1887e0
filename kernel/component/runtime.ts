/**
 * The components of one revision: follows the registry, activates what is satisfied, takes down what no longer is.
 * Owns the order (one queue, activation follows satisfaction, the stop is its reverse); leaves to each component what is to be done.
 * Always holds: code of the bundle runs in the queue or in a call from outside, never inside a change of the registry.
 */
import { type Constructor, SluiceError, componentMetadata, messageOf } from '@sluice/sdk';
import { isSameConfig, wantedInstances, type WantedInstance } from './configured.js';
import { type WaitingComponent, cycleOf, describeCycle } from './cycles.js';
import { JobQueue } from './job-queue.js';
import { type ComponentSurroundings, ManagedComponent } from './managed-component.js';
import type { ComponentDescription, ComponentRuntimeOptions } from './types.js';

export class ComponentRuntime implements ComponentSurroundings {
  private components: readonly ManagedComponent[];
  private readonly queue = new JobQueue();
  /** Components to settle, in the order in which something happened to them. */
  private readonly waiting = new Set<ManagedComponent>();
  /** Components in the order in which they came to life. */
  private readonly living = new Set<ManagedComponent>();
  private phase: 'new' | 'running' | 'stopping' = 'new';
  private scheduled = false;
  private stopped: Promise<void> | null = null;

  /** @throws SluiceError `COMPONENT_INVALID` when a class is no component or two have the same name */
  constructor(readonly options: ComponentRuntimeOptions) {
    const names = options.components.map((target) => componentMetadata(target).name);
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice !== undefined) {
      throw new SluiceError('COMPONENT_INVALID', `'${options.owner.symbolicName}' has two components named '${twice}'`, {
        details: { bundle: options.owner.symbolicName, component: twice },
        remedy: 'Give one of them another name in @Component({ name }).',
      });
    }
    this.components = this.wanted(options.config).map(({ target, wanted }) => new ManagedComponent(target, this, wanted));
  }

  /**
   * Activates what can be activated; resolves when every satisfied component is active, delayed or failed. Others follow by themselves
   * when their services come. In a stage a component that failed, or that waits for itself, rejects, so that the swap is refused.
   * @throws SluiceError `COMPONENT_FAILED`, `COMPONENT_CYCLE`
   */
  async start(): Promise<void> {
    this.phase = 'running';
    await this.queue.run(async () => {
      for (const component of this.components) {
        this.waiting.add(component);
        for (const slot of component.slots) slot.open(this.options.stage);
      }
      await this.settleAll();
    });
    const problem = this.components.map((component) => component.failure ?? this.cycleProblem(component)).find((found) => found !== null);
    if (problem === undefined || problem === null) return;
    if (this.options.stage !== null) throw problem;
    if (problem.code === 'COMPONENT_CYCLE') this.options.warn(problem.code, problem.message, problem.details);
  }

  /** The revision became visible, for the first time or (then called by the registry) again: catches up with what changed meanwhile. */
  commit(): void {
    if (this.phase === 'running' && this.waiting.size > 0) this.schedule();
  }

  /**
   * Hands a new configuration to every instance: @Modified, or a new instance. Rejects when one refuses it; those that had taken it
   * are given the old one back.
   * @throws SluiceError `COMPONENT_FAILED`
   */
  async configChanged(config: Readonly<Record<string, unknown>>): Promise<void> {
    await this.queue.run(async () => {
      const wanted = this.wanted(config);
      // What is new is tried first: when it fails, nothing else has noticed yet.
      const added = wanted
        .filter((one) => this.componentOf(one) === undefined)
        .map((one) => new ManagedComponent(one.target, this, one.wanted));
      await this.addAll(added);
      const changed: { component: ManagedComponent; before: WantedInstance }[] = [];
      for (const one of wanted) {
        const component = this.componentOf(one);
        if (component === undefined || added.includes(component)) continue;
        const before = component.wanted;
        if (before.key !== undefined && isSameConfig(before.config, one.wanted.config)) continue;
        const failure = await component.reconfigure(one.wanted);
        if (failure === null) {
          changed.push({ component, before });
          continue;
        }
        await this.removeAll(added);
        this.giveBack(changed);
        throw failure;
      }
      await this.removeAll(this.components.filter((component) => !wanted.some((one) => this.componentOf(one) === component)));
      await this.settleAll();
    });
  }

  /** Resolves when everything that has happened so far has had its effect. */
  settled(): Promise<void> {
    return this.queue.run(() => this.settleAll());
  }

  /** Takes everything down in the reverse order of activation. Completes even when a @Deactivate fails. @throws SluiceError `COMPONENT_FAILED`, the first */
  stop(): Promise<void> {
    this.stopped ??= this.takeDownAll();
    return this.stopped;
  }

  /** Every component with its state and, when it is not active, the reason. */
  describe(): readonly ComponentDescription[] {
    return this.components.map((component) => {
      const { metadata, name, state, slots } = component;
      const reason = this.reasonOf(component);
      return {
        name,
        state,
        provides: metadata.provides.map(({ id }) => id),
        references: slots.map((slot) => slot.describe()),
        ...(reason === undefined ? {} : { reason }),
      };
    });
  }

  /** @internal Called inside changes of the registry: notes and returns. */
  changed(component: ManagedComponent): void {
    if (this.phase !== 'running') return;
    this.waiting.add(component);
    this.schedule();
  }

  /** @internal */
  activated(component: ManagedComponent): void {
    this.living.delete(component);
    this.living.add(component);
  }

  /** @internal Runs a step nobody waits for. Steps report their own failures; one that still throws is a mistake of this module. */
  later(step: () => Promise<unknown>): void {
    this.queue.run(step).catch((error: unknown) => {
      const { symbolicName } = this.options.owner;
      this.options.warn('COMPONENT_RUNTIME_FAILED', `Components of '${symbolicName}' could not be settled: ${messageOf(error)}`, { error });
    });
  }

  /** Every instance that a configuration asks for, with its class. */
  private wanted(config: Readonly<Record<string, unknown>>): readonly { readonly target: Constructor; readonly wanted: WantedInstance }[] {
    return this.options.components.flatMap((target) => {
      return wantedInstances(componentMetadata(target), config).map((wanted) => ({ target, wanted }));
    });
  }

  private componentOf({ target, wanted }: { target: Constructor; wanted: WantedInstance }): ManagedComponent | undefined {
    return this.components.find((component) => component.target === target && component.wanted.key === wanted.key);
  }

  /** Adds instances for configurations that are new. @throws SluiceError `COMPONENT_FAILED` when one cannot be built: none is added then */
  private async addAll(added: readonly ManagedComponent[]): Promise<void> {
    if (added.length === 0) return;
    this.components = [...this.components, ...added];
    for (const component of added) {
      this.waiting.add(component);
      for (const slot of component.slots) slot.open(this.options.stage);
    }
    await this.settleAll();
    const failed = added.find(({ failure }) => failure !== null);
    if (failed === undefined) return;
    const { failure } = failed;
    await this.removeAll(added);
    throw failure as SluiceError;
  }

  private async removeAll(gone: readonly ManagedComponent[]): Promise<void> {
    if (gone.length === 0) return;
    this.components = this.components.filter((component) => !gone.includes(component));
    for (const component of gone) {
      this.waiting.delete(component);
      this.living.delete(component);
      await component.end();
    }
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.later(async () => {
      this.scheduled = false;
      await this.settleAll();
    });
  }

  private async settleAll(): Promise<void> {
    const { owner, registry } = this.options;
    for (const component of this.waiting) {
      if (this.phase !== 'running') return;
      if (registry.isWithdrawn(owner)) {
        // A replaced revision stays as it is: older entries finish on it, and a rollback brings it back whole.
        registry.whenVisible(owner, () => this.commit());
        return;
      }
      // Removed before it settles: what changes meanwhile puts it back at the end.
      this.waiting.delete(component);
      await component.settle();
    }
  }

  private async takeDownAll(): Promise<void> {
    this.phase = 'stopping';
    const failure = await this.queue.run(async () => {
      let first: SluiceError | null = null;
      const order = [...this.components.filter((component) => !this.living.has(component)), ...this.living].reverse();
      for (const component of order) {
        const failed = await component.end();
        first ??= failed;
      }
      return first;
    });
    this.waiting.clear();
    this.living.clear();
    if (failure !== null) throw failure;
  }

  /** After the refusal has reached the caller, which restores its own configuration first: a new instance reads it from the context. */
  private giveBack(changed: readonly { readonly component: ManagedComponent; readonly before: WantedInstance }[]): void {
    if (changed.length === 0) return;
    setImmediate(() => {
      this.later(async () => {
        for (const { component, before } of changed) if (this.phase === 'running') await component.reconfigure(before);
      });
    });
  }

  private reasonOf(component: ManagedComponent): string | undefined {
    if (component.failure !== null) return component.failure.message;
    if (component.state !== 'unsatisfied') return undefined;
    if (this.phase !== 'running') return 'the bundle is not running';
    const steps = cycleOf(component.name, this.waitingComponents());
    if (steps !== undefined) return describeCycle(steps);
    const missing = component.slots.filter((slot) => !slot.satisfied).map((slot) => slot.missing());
    return missing.length === 0 ? undefined : missing.join('; ');
  }

  private cycleProblem(component: ManagedComponent): SluiceError | null {
    if (component.state !== 'unsatisfied') return null;
    const steps = cycleOf(component.name, this.waitingComponents());
    if (steps === undefined) return null;
    const { symbolicName: bundle, version } = this.options.owner;
    return new SluiceError('COMPONENT_CYCLE', `Component '${component.name}' of '${bundle}' ${version} ${describeCycle(steps)}`, {
      details: { bundle, version, cycle: steps },
      remedy: 'Make one of these references optional.',
    });
  }

  private waitingComponents(): readonly WaitingComponent[] {
    return this.components
      .filter(({ state }) => state === 'unsatisfied')
      .map(({ name, metadata, slots }) => ({
        name,
        provides: metadata.provides.map(({ id }) => id),
        waitsFor: slots.filter((slot) => !slot.satisfied).map((slot) => slot.metadata.contract.id),
      }));
  }
}
