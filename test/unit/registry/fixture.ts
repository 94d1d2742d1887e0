/** A real registry with a settable entry generation and recorded warnings, owners, and two contracts to play with. */
import { contract, localContract, method, syncMethod, type Contract, type ServiceView } from '@sluice/sdk';
import { Type } from '@sinclair/typebox';
import { ServiceRegistry, type RevisionOwner } from '@sluice/kernel/registry/index';

/** A synchronous contract: the name of whoever answers. */
export interface GreeterService {
  greet(name: string): string;
}
export const Greeter: Contract<GreeterService> = contract('test.Greeter', '1.2.0', {
  greet: syncMethod([Type.String()], Type.String()),
});

/** The same contract in other versions. */
export function greeterOf(version: string): Contract<GreeterService> {
  return contract('test.Greeter', version, { greet: syncMethod([Type.String()], Type.String()) });
}

/** An asynchronous contract. */
export interface AccountsService {
  balance(account: string): Promise<number>;
}
export const Accounts: Contract<AccountsService> = contract('test.Accounts', '1.0.0', {
  balance: method([Type.String()], Type.Number()),
});

/** A whiteboard contract: plain data, no methods. */
export interface Leaflet {
  readonly text: string;
}
export const Leaflets = localContract<Leaflet>('test.Leaflet', '1.0.0', []);

/** A greeter that answers with its own name. */
export function greeter(own: string): GreeterService {
  return { greet: (name) => `${own} greets ${name}` };
}

let lastBundleId = 0;

/** A revision. */
export function owner(symbolicName: string, version = '1.0.0', revision = 1): RevisionOwner {
  lastBundleId += 1;
  return { bundleId: lastBundleId, symbolicName, version, revision };
}

export interface Warning {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export class RegistryFixture {
  readonly warnings: Warning[] = [];
  /** Generation of the entry that "runs" now. */
  entry: number | undefined = undefined;
  readonly registry: ServiceRegistry;

  constructor() {
    this.registry = new ServiceRegistry({
      entryGeneration: () => this.entry,
      warn: (code, message, details) => void this.warnings.push({ code, message, details }),
    });
  }

  /** Runs code as an entry of a generation. */
  inGeneration<T>(generation: number, code: () => T): T {
    const before = this.entry;
    this.entry = generation;
    try {
      return code();
    } finally {
      this.entry = before;
    }
  }

  get warningCodes(): readonly string[] {
    return this.warnings.map(({ code }) => code);
  }
}

/** What code throws, as code and whether a retry makes sense. */
export function refusal(code: () => unknown): { code: string; retryable: boolean } | 'none' {
  try {
    code();
  } catch (error) {
    const { code: found, retryable } = error as { code: string; retryable: boolean };
    return { code: found, retryable };
  }
  return 'none';
}

/** Views in short, for whole comparisons. */
export function ids(views: readonly ServiceView[]): readonly number[] {
  return views.map(({ id }) => id);
}

export const NEVER_ABORTED: AbortSignal = new AbortController().signal;
