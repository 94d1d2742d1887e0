/**
 * What a component has in the world: an instance and the services registered for it. When both have to go while older entries are
 * still running, they linger: new entries no longer see them, older ones finish with them, then they end.
 */
import type { Contract, Registration, SluiceError } from '@sluice/sdk';
import type { Activation } from './activation.js';
import type { ComponentRuntimeOptions } from './types.js';

export class Instance {
  private registrations: Registration[] = [];

  constructor(
    private readonly options: ComponentRuntimeOptions,
    /** Null for a delayed component that nobody has called yet. */
    public activation: Activation | null,
  ) {}

  /** Registers one service per contract, all or none. */
  publish(contracts: readonly Contract[], properties: Readonly<Record<string, unknown>>, serviceOf: (contract: Contract) => object): void {
    const { owner, registry, stage } = this.options;
    try {
      for (const contract of contracts) {
        // A stage that was committed since stands for none: the registry takes both.
        this.registrations.push(registry.register(owner, contract, serviceOf(contract), properties, stage));
      }
    } catch (error) {
      this.unpublish();
      throw error;
    }
  }

  /** Gives the services other properties. */
  show(properties: Readonly<Record<string, unknown>>): void {
    for (const registration of this.registrations) registration.setProperties(properties);
  }

  /** Takes the services out of sight of everybody. */
  unpublish(): void {
    const registrations = this.registrations;
    this.registrations = [];
    for (const registration of registrations.reverse()) registration.unregister();
  }

  /** Takes the services out of sight of new entries. Older ones keep them until they are over. */
  fade(): void {
    for (const registration of this.registrations) this.options.registry.withdrawService(registration);
  }

  /** Services first, then @Deactivate, then the scope. Returns what @Deactivate failed with. */
  async end(): Promise<SluiceError | null> {
    this.unpublish();
    const { activation } = this;
    this.activation = null;
    return activation === null ? null : activation.end();
  }
}
