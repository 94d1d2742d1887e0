/** A component runtime over a real registry and a real container; contexts record their end, and everything writes into one log. */
import { container as globalContainer, type DependencyContainer } from 'tsyringe';
import type { BundleContext, Constructor } from '@sluice/sdk';
import { ComponentRuntime, type ComponentRuntimeOptions } from '@sluice/kernel/component/index';
import type { RevisionOwner, Stage } from '@sluice/kernel/registry/index';
import { Greeter, RegistryFixture, greeter, owner } from '../registry/fixture.js';

export {
  Accounts,
  Greeter,
  Leaflets,
  greeter,
  greeterOf,
  owner,
  refusal,
  type AccountsService,
  type GreeterService,
} from '../registry/fixture.js';

/** A container without a parent, as each revision has one. */
export function rootContainer(): DependencyContainer {
  return new (globalContainer.constructor as new () => DependencyContainer)();
}

/** Context of one activation, as far as components of these tests use it. */
export interface TestContext {
  readonly component: string;
  readonly config: Readonly<Record<string, unknown>>;
  closed: boolean;
}

export class ComponentFixture extends RegistryFixture {
  readonly log: string[] = [];
  readonly owner: RevisionOwner = owner('bundle');
  readonly contexts: TestContext[] = [];
  /** What the limit port does; replaced by tests of time limits. */
  limit: ComponentRuntimeOptions['limit'] = async (_activity, _limitMs, work) => work();

  runtime(
    components: readonly Constructor[],
    options: { stage?: Stage | null; owner?: RevisionOwner; config?: object } = {},
  ): ComponentRuntime {
    return new ComponentRuntime({
      owner: options.owner ?? this.owner,
      registry: this.registry,
      stage: options.stage ?? null,
      container: rootContainer(),
      components,
      config: (options.config ?? {}) as Readonly<Record<string, unknown>>,
      activateTimeoutMs: 1_000,
      deactivateTimeoutMs: 500,
      createContext: (component, config) => {
        const context: TestContext = {
          component,
          get config() {
            return config();
          },
          closed: false,
        };
        this.contexts.push(context);
        return {
          context: context as unknown as BundleContext,
          close: () => {
            context.closed = true;
            this.log.push(`scope of ${component} closed`);
          },
        };
      },
      limit: (activity, limitMs, work) => this.limit(activity, limitMs, work),
      warn: (code, message, details) => void this.warnings.push({ code, message, details }),
    });
  }

  /** Registers a greeter of another bundle. */
  greeter(name: string, ranking = 0) {
    return this.registry.register(owner(name), Greeter, greeter(name), { 'service.ranking': ranking }, null);
  }

  /** The log so far, emptied. */
  take(): readonly string[] {
    return this.log.splice(0);
  }
}
