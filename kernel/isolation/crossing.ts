/**
 * Which contracts work between tiers. A contract with schemas does when every method is asynchronous; a local contract hands over host
 * objects and does not, except for those listed here, whose services are data with asynchronous functions. Pure.
 */
import {
  contract,
  Data,
  EventBacklog,
  EventHandler,
  Events,
  Health,
  HealthCheck,
  Job,
  localContract,
  Routes,
  SluiceError,
} from '@sluice/sdk';
import type { Contract, MethodShape } from '@sluice/sdk';
import type { ContractFacts } from './protocol.js';

/** Local contracts that a bundle outside the kernel's thread may provide: data with functions that may answer later. */
const PROVIDED_LOCAL: ReadonlySet<string> = new Set([Routes.id, EventHandler.id, HealthCheck.id, Job.id]);

/** Local contracts such a bundle may use, with the methods that work. */
const REQUIRED_LOCAL: ReadonlyMap<string, readonly string[]> = new Map([
  [Events.id, ['publish', 'post']],
  [EventBacklog.id, ['pending', 'parked', 'release']],
  [Health.id, ['report']],
  [Data.id, ['query', 'execute', 'unitOfWork', 'migrate']],
]);

/** Methods whose caller does not wait: the call is sent and returns at once. */
const ONE_WAY: ReadonlySet<string> = new Set([`${Events.id}.post`]);

/** The facts of a contract. */
export function factsOf(value: Contract): ContractFacts {
  return {
    id: value.id,
    version: value.version,
    local: value.local,
    methods: Object.fromEntries(Object.entries(value.methods).map(([name, { args, sync }]) => [name, { args: args.length, sync }])),
    properties: value.properties,
  };
}

/** A contract the registry takes for the one the facts came from. */
export function contractOf(facts: ContractFacts): Contract {
  const names = Object.keys(facts.methods);
  if (facts.local) return localContract<Record<string, unknown>>(facts.id, facts.version, names, facts.properties) as Contract;
  const shapes = Object.entries(facts.methods).map(([name, { args, sync }]): [string, MethodShape] => [
    name,
    { args: Array.from({ length: args }, () => ({}) as never), result: {} as never, sync },
  ]);
  return contract(facts.id, facts.version, Object.fromEntries(shapes) as never) as Contract;
}

/** True when nobody waits for the result of a method. */
export function isOneWay(contractId: string, method: string): boolean {
  return ONE_WAY.has(`${contractId}.${method}`);
}

/** Methods of a required contract that can be called from another tier. */
export function callableMethods(facts: ContractFacts): readonly string[] {
  return (facts.local ? REQUIRED_LOCAL.get(facts.id) : undefined) ?? Object.keys(facts.methods);
}

/** True when functions may go along with calls of a contract (a unit of work, for instance). */
export function takesFunctions(contractId: string): boolean {
  return contractId === Data.id;
}

/**
 * Refuses what cannot cross.
 * @throws SluiceError `ISOLATION_CONTRACT_LOCAL` naming the contract, `ISOLATION_METHOD_SYNC` naming contract and method.
 */
export function assertCrosses(bundle: string, tier: string, facts: ContractFacts, direction: 'provides' | 'requires'): void {
  if (facts.local) {
    if (direction === 'provides' ? PROVIDED_LOCAL.has(facts.id) : REQUIRED_LOCAL.has(facts.id)) return;
    throw new SluiceError(
      'ISOLATION_CONTRACT_LOCAL',
      `'${bundle}' cannot run in tier '${tier}': it ${direction} '${facts.id}', a local contract that hands over objects of the kernel's thread`,
      {
        details: { bundle, tier, contract: facts.id, direction },
        remedy: 'Run the bundle inline, or give the contract schemas with `contract()` so that its values can be cloned.',
        httpStatus: 422,
      },
    );
  }
  const sync = Object.entries(facts.methods).find(([, shape]) => shape.sync)?.[0];
  if (sync === undefined) return;
  throw new SluiceError(
    'ISOLATION_METHOD_SYNC',
    `'${bundle}' cannot run in tier '${tier}': it ${direction} '${facts.id}', whose method '${sync}' answers synchronously`,
    {
      details: { bundle, tier, contract: facts.id, method: sync, direction },
      remedy: 'Run the bundle inline, or declare the method with `method()` in the next major version of the contract.',
      httpStatus: 422,
    },
  );
}
