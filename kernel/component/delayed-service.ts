/**
 * Stands in for the instance of a delayed component (`immediate: false`) until somebody calls it.
 * Building an instance takes time, so only contracts whose methods are all asynchronous can be delayed; components that provide
 * any other contract are built at once.
 */
import type { Contract } from '@sluice/sdk';

type AnyMethod = (...args: readonly unknown[]) => unknown;

/** True when every call under these contracts can wait for the instance. */
export function canBeDelayed(contracts: readonly Contract[]): boolean {
  return (
    contracts.length > 0 &&
    contracts.every(({ local, methods }) => {
      const shapes = Object.values(methods);
      return !local && shapes.length > 0 && shapes.every((shape) => !shape.sync);
    })
  );
}

/**
 * An object with the methods of a contract, each passed on to the instance.
 * @param current the instance when there is one; @param demand builds it.
 */
export function delayedService(contract: Contract, current: () => object | null, demand: () => Promise<object>): object {
  const service: Record<string, AnyMethod> = {};
  for (const name of Object.keys(contract.methods)) {
    service[name] = (...args) => {
      const instance = current();
      return instance === null ? demand().then((built) => call(built, name, args)) : call(instance, name, args);
    };
  }
  return Object.freeze(service);
}

function call(instance: object, name: string, args: readonly unknown[]): unknown {
  return (instance as Record<string, AnyMethod>)[name]?.(...args);
}
