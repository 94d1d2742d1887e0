/**
 * The rules of a manifest that a schema cannot say: texts that must parse, paths that must stay inside the artifact, fields that depend
 * on each other. Each method takes an unchecked value, records what is wrong and returns something usable: the caller discards the
 * result when anything was recorded. A value of the wrong type is passed over in silence, the schema has reported it.
 */
import { isSluiceError } from '@sluice/sdk';
import { parseFilter, type Filter } from './filter.js';
import type {
  Attributes,
  BundleFamily,
  DeclaredMigration,
  ImportedPackage,
  Manifest,
  ManifestCapability,
  ManifestRequirement,
  Permissions,
} from './manifest.js';
import type { FragmentOf, ProvidedContract, RequiredContract } from './manifest.js';
import { shown, type MistakeCode, type MistakeList, type Path } from './mistake.js';
import { parseRange, type VersionRange } from './range.js';
import { Version } from './version.js';

const PACKAGE_NAME = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;
const PACKAGE_NAME_MAX = 214;
const SYMBOLIC_NAME = /^[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)*$/;
const FULL_VERSION = /^\d+\.\d+\.\d+/;
const ENTRY_PATH_MAX = 200;
const ANY = parseRange('*');
const RESERVED_ATTRIBUTES: readonly string[] = ['contract', 'version'];
/** What only a bundle with code of its own can say. */
const NOT_IN_FRAGMENTS: readonly string[] = [
  'main',
  'provides',
  'requires',
  'exports',
  'imports',
  'fragmentAttachment',
  'activation',
  'isolation',
  'http',
  'config',
  'permissions',
  'stateVersion',
];
const RESERVED_NAMESPACES: readonly string[] = ['sluice.contract', 'sluice.package', 'sluice.bundle'];

type Entry = Record<string, unknown>;

export class ManifestReader {
  constructor(private readonly mistakes: MistakeList) {}

  packageName(value: unknown): string {
    if (typeof value === 'string' && value.length <= PACKAGE_NAME_MAX && PACKAGE_NAME.test(value)) return value;
    this.mistakes.add('MANIFEST_NAME', ['name'], shown(value), 'the name of an npm package such as "@bank/core-ledger"');
    return '';
  }

  symbolicName(value: unknown, packageName: string): string {
    if (value !== undefined) {
      if (value === 'kernel')
        this.mistakes.add('MANIFEST_NAME', ['sluice', 'symbolicName'], shown(value), 'another name: this one is the kernel');
      return typeof value === 'string' ? value : '';
    }
    const derived = packageName.slice(packageName.indexOf('/') + 1);
    const usable = SYMBOLIC_NAME.test(derived) && derived !== 'kernel';
    if (packageName !== '' && !usable) {
      const expected = `a package name whose part ${shown(derived)} can be a symbolic name, or a key 'sluice.symbolicName'`;
      this.mistakes.add('MANIFEST_NAME', ['name'], shown(packageName), expected);
    }
    return derived;
  }

  /** A version with all three numbers: a short one would give the same version two texts. */
  version(value: unknown, path: Path): Version | undefined {
    const version = typeof value === 'string' && FULL_VERSION.test(value) ? Version.tryParse(value) : undefined;
    if (version === undefined) {
      this.mistakes.add('MANIFEST_VERSION', path, shown(value), 'a version such as 1.2.3, 1.2.3-rc.1 or 1.2.3.qualifier');
    }
    return version;
  }

  range(value: unknown, path: Path): VersionRange {
    return this.parsed('MANIFEST_RANGE', value, path, parseRange, 'a version range such as ^1.2.0 or [1.2,2)') ?? ANY;
  }

  filter(value: unknown, path: Path): { filter?: Filter } {
    const filter = this.parsed('MANIFEST_FILTER', value, path, parseFilter, 'a filter such as (currency=CNY)');
    return filter === undefined ? {} : { filter };
  }

  /** The path of an entry of the artifact. */
  entryPath(value: unknown, path: Path): string {
    if (typeof value !== 'string') return '';
    if (!isEntryPath(value)) {
      this.mistakes.add(
        'MANIFEST_PATH',
        path,
        shown(value),
        "a relative path inside the artifact such as 'dist/bundle.cjs', without '.', '..' or '\\'",
      );
    }
    return value;
  }

  /** The objects of an array, each at its index. */
  list(value: unknown): readonly Entry[] {
    return Array.isArray(value) ? value.map((entry: unknown) => (isObject(entry) ? entry : {})) : [];
  }

  provides(value: unknown): readonly ProvidedContract[] {
    return this.list(value).map((entry, index) => {
      const version = typeof entry['version'] === 'string' ? this.version(entry['version'], at('provides', index, 'version')) : undefined;
      return {
        contract: text(entry['contract']),
        version: version ?? Version.of(0, 0, 0),
        attributes: this.attributes(entry['attributes'], at('provides', index, 'attributes'), RESERVED_ATTRIBUTES),
        methods: isObject(entry['methods']) ? entry['methods'] : null,
        properties: Array.isArray(entry['properties']) ? entry['properties'].filter((one) => typeof one === 'string') : [],
      };
    });
  }

  requires(value: unknown): readonly RequiredContract[] {
    return this.list(value).map((entry, index) => ({
      contract: text(entry['contract']),
      range: this.range(entry['range'], at('requires', index, 'range')),
      ...this.filter(entry['filter'], at('requires', index, 'filter')),
      optional: entry['optional'] === true,
    }));
  }

  migrations(value: unknown): readonly DeclaredMigration[] {
    return this.list(value).map((entry) => ({ name: text(entry['name']), phase: entry['phase'] === 'contract' ? 'contract' : 'expand' }));
  }

  capabilities(value: unknown): readonly ManifestCapability[] {
    return this.list(value).map((entry, index) => {
      const namespace = text(entry['namespace']);
      if (RESERVED_NAMESPACES.includes(namespace)) {
        const expected = "a namespace of your own: these capabilities follow from 'provides', 'exports' and the name";
        this.mistakes.add('MANIFEST_RULE', at('capabilities', index, 'namespace'), shown(namespace), expected);
      }
      const attributes = this.attributes(entry['attributes'], at('capabilities', index, 'attributes'), []);
      return { namespace, attributes, effective: text(entry['effective']) || 'resolve' };
    });
  }

  /** Attributes are matched without regard to case, so no two may differ only in it. */
  private attributes(value: unknown, path: Path, reserved: readonly string[]): Attributes {
    const given = isObject(value) ? value : {};
    const seen = new Set<string>(reserved);
    for (const key of Object.keys(given)) {
      const lower = key.toLowerCase();
      if (seen.has(lower)) {
        const expected = reserved.includes(lower)
          ? 'another name: this attribute is set by the kernel'
          : 'each name once, whatever its case';
        this.mistakes.add('MANIFEST_RULE', [...path, key], `the key ${shown(key)}`, expected);
      }
      seen.add(lower);
    }
    return given as Attributes;
  }

  requirements(value: unknown): readonly ManifestRequirement[] {
    return this.list(value).map((entry, index) => ({
      namespace: text(entry['namespace']),
      ...this.filter(entry['filter'], at('requirements', index, 'filter')),
      optional: entry['optional'] === true || entry['dynamic'] === true,
      multiple: entry['multiple'] === true,
      dynamic: entry['dynamic'] === true,
      effective: text(entry['effective']) || 'resolve',
    }));
  }

  /** A fragment has no code: what only code can mean is refused beside it. */
  fragment(value: unknown, section: Readonly<Record<string, unknown>>): FragmentOf | null {
    if (!isObject(value)) return null;
    for (const key of NOT_IN_FRAGMENTS) {
      if (section[key] === undefined) continue;
      const expected = "no such key beside 'fragment': a fragment has no code, it adds files, configuration and capabilities to its host";
      this.mistakes.add('MANIFEST_RULE', ['sluice', key], shown(section[key]), expected);
    }
    return {
      host: text(value['host']),
      range: value['range'] === undefined ? ANY : this.range(value['range'], ['sluice', 'fragment', 'range']),
      config: isObject(value['config']) ? value['config'] : {},
    };
  }

  exports(value: unknown): Readonly<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const [name, entry] of entriesOf(value)) {
      const path = ['sluice', 'exports', name];
      this.exchangedName(name, path);
      found[name] = this.entryPath(entry, path);
    }
    return found;
  }

  imports(value: unknown): Readonly<Record<string, ImportedPackage>> {
    const found: Record<string, ImportedPackage> = {};
    for (const [name, entry] of entriesOf(value)) {
      const path = ['sluice', 'imports', name];
      this.exchangedName(name, path);
      found[name] = isObject(entry)
        ? { range: this.range(entry['range'], [...path, 'range']), optional: entry['optional'] === true }
        : { range: this.range(entry, path), optional: false };
    }
    return found;
  }

  config(value: unknown): Manifest['config'] {
    if (!isObject(value) || !isObject(value['schema'])) return null;
    const { schema } = value;
    if (schema['type'] !== 'object') {
      const expected = "'object': a configuration is a set of named values";
      this.mistakes.add('MANIFEST_RULE', ['sluice', 'config', 'schema', 'type'], shown(schema['type']), expected);
    }
    return { schema, defaults: isObject(value['defaults']) ? value['defaults'] : {} };
  }

  permissions(value: unknown, family: BundleFamily): Permissions {
    const given = isObject(value) ? value : {};
    const texts = (key: string) => (Array.isArray(given[key]) ? given[key].filter((entry) => typeof entry === 'string') : []);
    const permissions = {
      builtins: texts('builtins'),
      hostPackages: texts('hostPackages'),
      kernel: texts('kernel'),
      network: texts('network'),
    };
    for (const key of ['hostPackages', 'kernel'] as const) {
      if (permissions[key].length === 0 || family === 'system') continue;
      const expected = "nothing, or the family 'system': only system bundles reach host packages and the kernel";
      this.mistakes.add('MANIFEST_RULE', ['sluice', 'permissions', key], shown(permissions[key]), expected);
    }
    return permissions;
  }

  /** Name of a package that is imported or exported. */
  private exchangedName(name: string, path: Path): void {
    if (name.length > PACKAGE_NAME_MAX || !PACKAGE_NAME.test(name)) {
      this.mistakes.add('MANIFEST_NAME', path, `the key ${shown(name)}`, 'the name of an npm package');
    } else if (name === '@sluice/sdk') {
      this.mistakes.add(
        'MANIFEST_RULE',
        path,
        `the key ${shown(name)}`,
        "no such key: the SDK comes from the host, in the range of 'sluice.sdk'",
      );
    }
  }

  private parsed<T>(code: MistakeCode, value: unknown, path: Path, parse: (text: string) => T, expected: string): T | undefined {
    if (typeof value !== 'string' || value === '') return undefined;
    try {
      return parse(value);
    } catch (error) {
      if (!isSluiceError(error)) throw error;
      const { position, found, expected: wanted, reason } = error.details;
      const where =
        position === undefined ? ` (${String(reason)})` : ` (${String(found)} at position ${String(position)}, expected ${String(wanted)})`;
      this.mistakes.add(code, path, `${shown(value)}${where}`, expected);
      return undefined;
    }
  }
}

/** True for a path that names an entry of an artifact and cannot lead out of it on any platform. */
export function isEntryPath(path: string): boolean {
  if (path.length === 0 || path.length > ENTRY_PATH_MAX) return false;
  return path.split('/').every((step) => step !== '' && step !== '.' && step !== '..' && /^[^\\:\0-\x1f\x7f]+$/.test(step));
}

function at(list: string, index: number, key: string): Path {
  return ['sluice', list, index, key];
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  // Keys that reach a prototype are refused elsewhere; here they must only do no harm.
  return isObject(value) ? Object.entries(value).filter(([key]) => key !== '__proto__') : [];
}

function isObject(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
