/**
 * One tsyringe for the whole process, made harmless for revisions that come and go.
 * Left alone it keeps every decorated class in a module-level map, and its global container keeps every registration. So the map becomes
 * weak, and each revision sees a frozen facade whose container is a root of its own: never a child of the global one, whose registry would
 * remember each token that was ever looked up.
 */
import 'reflect-metadata';
import { SluiceError } from '@sluice/sdk';
import * as tsyringe from 'tsyringe';
import type { DependencyContainer } from 'tsyringe';

type Token = Parameters<DependencyContainer['isRegistered']>[0];
type Class = new (...args: any[]) => object;
type ClassDecoratorFor = (target: Class) => void;

interface ContainerModule {
  typeInfo: Map<object, unknown> | WeakMap<object, unknown>;
}

/**
 * Replaces tsyringe's map of decorated classes by a weak one. Further calls do nothing.
 * @throws SluiceError `HOST_PACKAGE_UNFIT` when the installed tsyringe does not read the map where we replace it.
 */
export function weakenTypeInfo(): void {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an internal module, reachable only by path
  const module = require('tsyringe/dist/cjs/dependency-container') as ContainerModule;
  if (module.typeInfo instanceof WeakMap) return;
  module.typeInfo = new WeakMap(module.typeInfo);
  const probe = class {
    readonly use = 'to be decorated once';
  };
  tsyringe.injectable()(probe);
  if (!module.typeInfo.has(probe)) {
    throw new SluiceError('HOST_PACKAGE_UNFIT', 'The installed tsyringe keeps decorated classes where the kernel cannot make them weak', {
      details: { package: 'tsyringe' },
      remedy: 'Install the version of tsyringe that this kernel was tested with.',
    });
  }
}

/** A container without a parent. */
export function newRootContainer(): DependencyContainer {
  const Root = tsyringe.container.constructor as new () => DependencyContainer;
  return new Root();
}

/** What `require('tsyringe')` yields in one revision. `container` is asked for once, when the bundle first needs it. */
export function tsyringeFacade(container: () => DependencyContainer): object {
  const facade: Record<string, unknown> = { ...tsyringe };
  delete facade['default'];
  Object.assign(facade, ownDecorators(container));
  Object.defineProperty(facade, 'container', { get: container, enumerable: true });
  Object.defineProperty(facade, '__esModule', { value: true });
  return Object.freeze(facade);
}

/** The decorators that register something, with the revision's container in place of the global one. */
function ownDecorators(container: () => DependencyContainer): Record<string, unknown> {
  const injectable = (options?: { token?: Token | readonly Token[] }): ClassDecoratorFor => {
    return (target) => {
      tsyringe.injectable()(target);
      const tokens =
        options?.token === undefined ? [] : Array.isArray(options.token) ? (options.token as Token[]) : [options.token as Token];
      for (const token of tokens) container().register(token, target);
    };
  };
  return {
    injectable,
    singleton: (): ClassDecoratorFor => (target) => {
      tsyringe.injectable()(target);
      container().registerSingleton(target);
    },
    scoped:
      (lifecycle: tsyringe.Lifecycle.ContainerScoped | tsyringe.Lifecycle.ResolutionScoped, token?: Token): ClassDecoratorFor =>
      (target) => {
        tsyringe.injectable()(target);
        container().register(token ?? target, target, { lifecycle });
      },
    registry:
      (registrations: readonly ({ token: Token; options?: object } & object)[] = []) =>
      (target: Class): Class => {
        for (const { token, options, ...provider } of registrations) container().register(token, provider as never, options as never);
        return target;
      },
    autoInjectable: (): never => {
      throw new SluiceError(
        'DECORATOR_UNSUPPORTED',
        '@autoInjectable resolves from the container of the whole process, which bundles do not have',
        {
          remedy: 'Use @Component, or resolve from `container` yourself.',
        },
      );
    },
  };
}
