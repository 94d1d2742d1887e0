/**
 * Derives the `provides` and `requires` of a manifest from a bundle definition. Pure.
 * Filters of references are left out on purpose: they select services by run-time properties, which a manifest cannot know.
 */
import {
  componentMetadata,
  isBundleDefinition,
  isContract,
  SluiceError,
  type BundleDefinition,
  type Contract,
  type DeclaredReference,
} from '@sluice/sdk';
import { compatibleRange, Version } from '../../model/index.js';

/** One entry of `provides`. */
export interface DerivedProvide {
  readonly contract: string;
  readonly version: string;
  readonly methods: Readonly<Record<string, { readonly args: readonly unknown[]; readonly result: unknown; readonly sync: boolean }>>;
  readonly properties?: readonly string[];
}

/** One entry of `requires`. */
export interface DerivedRequire {
  readonly contract: string;
  readonly range: string;
  readonly optional?: true;
}

/** The part of a manifest that follows from a definition. */
export interface DerivedManifest {
  readonly provides: readonly DerivedProvide[];
  readonly requires: readonly DerivedRequire[];
  /** Absent when the definition lists none. */
  readonly migrations?: readonly { readonly name: string; readonly phase: 'expand' | 'contract' }[];
}

/** What else a definition says about itself. */
export interface DefinitionReading extends DerivedManifest {
  /** Names of the components. */
  readonly components: readonly string[];
  /** True when the definition hands over state, so that the manifest needs `stateVersion`. */
  readonly handsOverState: boolean;
}

/**
 * Reads a definition.
 * @throws SluiceError `BUILD_DEFINITION_MISSING` or `BUILD_DEFINITION_INVALID`.
 */
export function readDefinition(value: unknown): DefinitionReading {
  if (!isBundleDefinition(value)) {
    throw new SluiceError('BUILD_DEFINITION_MISSING', `the default export of the entry is no bundle definition, found ${kindOf(value)}`, {
      remedy: 'Write `export default defineBundle({ ... })` in the entry file',
    });
  }
  return {
    ...deriveManifest(value),
    components: (value.components ?? []).map((component) => componentMetadata(component).name),
    handsOverState: value.state !== undefined,
  };
}

/**
 * Derives `provides` and `requires`, sorted by contract.
 * @throws SluiceError `BUILD_DEFINITION_INVALID`, or `COMPONENT_INVALID` for a component without decorator.
 */
export function deriveManifest(definition: BundleDefinition): DerivedManifest {
  const components = (definition.components ?? []).map(componentMetadata);
  const provided = [...listOf(definition, 'provides').map(contractOf), ...components.flatMap((component) => component.provides)];
  const required = [
    ...listOf(definition, 'requires').map(declaredOf),
    ...components.flatMap((component) =>
      component.references.map(({ contract, range, cardinality }) => ({ contract, range, optional: cardinality.startsWith('0') })),
    ),
  ];
  const migrations = (definition.migrations ?? []).map(({ name, phase }) => ({ name, phase }));
  return { provides: mergeProvided(provided), requires: mergeRequired(required), ...(migrations.length === 0 ? {} : { migrations }) };
}

interface Requirement {
  readonly contract: Contract;
  readonly range: string | undefined;
  readonly optional: boolean;
}

function listOf(definition: BundleDefinition, key: 'provides' | 'requires'): readonly unknown[] {
  const value: unknown = definition[key];
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw invalid(`'${key}' must be a list of contracts, found ${kindOf(value)}`);
}

function contractOf(value: unknown, index: number): Contract {
  if (isContract(value)) return value;
  throw invalid(`'provides[${index}]' is no contract, found ${kindOf(value)}`);
}

function declaredOf(value: unknown, index: number): Requirement {
  if (isContract(value)) return { contract: value, range: undefined, optional: false };
  const declared = value as Partial<DeclaredReference> | null | undefined;
  if (isContract(declared?.contract)) {
    return { contract: declared.contract, range: declared.range, optional: declared.optional ?? false };
  }
  throw invalid(`'requires[${index}]' is no contract and no { contract, ... }, found ${kindOf(value)}`);
}

function mergeProvided(contracts: readonly Contract[]): DerivedProvide[] {
  const byId = new Map<string, Contract>();
  for (const contract of contracts) {
    const known = byId.get(contract.id);
    if (known !== undefined && known.version !== contract.version) {
      throw invalid(`contract '${contract.id}' is provided in two versions, ${known.version} and ${contract.version}`);
    }
    byId.set(contract.id, contract);
  }
  return sorted(byId).map((contract) => ({
    contract: contract.id,
    version: contract.version,
    methods: methodsOf(contract),
    ...(contract.properties.length === 0 ? {} : { properties: contract.properties }),
  }));
}

/** Two uses of a contract become one requirement: mandatory when either is, with the narrower of a stated and a default range. */
function mergeRequired(requirements: readonly Requirement[]): DerivedRequire[] {
  const byId = new Map<string, Requirement>();
  for (const next of requirements) {
    const known = byId.get(next.contract.id);
    if (known?.range !== undefined && next.range !== undefined && known.range !== next.range) {
      throw invalid(`contract '${next.contract.id}' is required with two ranges, '${known.range}' and '${next.range}'`);
    }
    byId.set(next.contract.id, {
      contract: known !== undefined && newer(known.contract, next.contract) ? known.contract : next.contract,
      range: known?.range ?? next.range,
      optional: next.optional && (known?.optional ?? true),
    });
  }
  return sorted(byId).map(({ contract, range, optional }) => ({
    contract: contract.id,
    range: range ?? compatibleRange(contract.version).toString(),
    ...(optional ? { optional: true as const } : {}),
  }));
}

function newer(one: Contract, other: Contract): boolean {
  return Version.parse(one.version).compare(Version.parse(other.version)) > 0;
}

function sorted<T>(byId: ReadonlyMap<string, T>): T[] {
  return [...byId.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}

function methodsOf(contract: Contract): DerivedProvide['methods'] {
  const methods: Record<string, { args: unknown[]; result: unknown; sync: boolean }> = {};
  for (const [name, shape] of Object.entries(contract.methods)) {
    const where = `${contract.id}.${name}`;
    methods[name] = {
      args: shape.args.map((schema, index) => plainSchema(schema, `argument ${index} of '${where}'`)),
      result: plainSchema(shape.result, `the result of '${where}'`),
      sync: shape.sync,
    };
  }
  return methods;
}

function plainSchema(schema: unknown, where: string): unknown {
  try {
    return JSON.parse(JSON.stringify(schema));
  } catch (cause) {
    throw new SluiceError('BUILD_DEFINITION_INVALID', `the schema of ${where} cannot be written as JSON`, {
      cause,
      remedy: 'Use numbers and texts in schemas, no bigint and no cycle',
    });
  }
}

function invalid(message: string): SluiceError {
  return new SluiceError('BUILD_DEFINITION_INVALID', message);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return `an object with ${Object.keys(value).slice(0, 5).join(', ') || 'no keys'}`;
  return `a ${typeof value}`;
}
