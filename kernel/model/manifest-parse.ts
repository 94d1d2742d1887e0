/**
 * package.json -> checked manifest, or every mistake in it.
 *
 * Owned here: the order of the checks and the defaults. Three passes over the document: safety (manifest-safety.ts), the JSON Schema of
 * the SDK (manifest-schema.ts), then the rules between fields (manifest-rules.ts). Nothing throws; a manifest is handed out only when no
 * pass found anything.
 */
import { ManifestSchema, type ManifestSection } from '@sluice/sdk';
import type { BundleFamily, Manifest, ManifestResult } from './manifest.js';
import { ManifestReader } from './manifest-rules.js';
import { checkSafety } from './manifest-safety.js';
import { checkSchema, type SchemaNode } from './manifest-schema.js';
import { MistakeList, shown } from './mistake.js';
import { Version } from './version.js';

/** Entry of an artifact when the manifest names none. */
export const MAIN_DEFAULT = 'dist/bundle.cjs';

/** Options of {@link parseManifest}. */
export interface ParseManifestOptions {
  /** The same document was accepted before: its form is not checked again, what it says is read. */
  readonly known?: boolean;
}

/** Checks a parsed package.json. Never throws. */
export function parseManifest(packageJson: unknown, options: ParseManifestOptions = {}): ManifestResult {
  const mistakes = new MistakeList();
  if (!isObject(packageJson)) {
    mistakes.add('MANIFEST_TYPE', [], shown(packageJson), 'an object');
    return { ok: false, mistakes: mistakes.all };
  }
  if (options.known !== true && !checkSafety(packageJson, mistakes)) return { ok: false, mistakes: mistakes.all };
  const section = packageJson['sluice'];
  if (section === undefined) {
    mistakes.add('MANIFEST_KEY_MISSING', ['sluice'], 'nothing', 'the section that makes a package a bundle, such as { "sdk": "^1.0.0" }');
  } else if (options.known !== true) {
    checkSchema(ManifestSchema as SchemaNode, section, ['sluice'], mistakes);
  }
  // The rules run on whatever has the right type, so that a slip in one field does not hide the mistakes of the others.
  const manifest = build(packageJson, isObject(section) ? section : {}, new ManifestReader(mistakes));
  return mistakes.all.length > 0 ? { ok: false, mistakes: mistakes.all } : { ok: true, manifest };
}

/** Fills in defaults and parses. What has the wrong type becomes a default: the schema has complained about it by then. */
function build(document: Record<string, unknown>, untrusted: Record<string, unknown>, reader: ManifestReader): Manifest {
  // Typed as if checked; the reader takes unknown values, and the result is thrown away when the schema had a complaint.
  const section = untrusted as Partial<ManifestSection>;
  const packageName = reader.packageName(document['name']);
  const version = reader.version(document['version'], ['version']);
  const family = text(section.family, 'other') as BundleFamily;
  const symbolicName = reader.symbolicName(section.symbolicName, packageName);
  const manifest: Manifest = {
    packageName,
    symbolicName,
    version: version ?? NO_VERSION,
    versionText: text(document['version'], ''),
    description: text(document['description'], ''),
    family,
    main: section.main === undefined ? MAIN_DEFAULT : reader.entryPath(section.main, ['sluice', 'main']),
    sdkRange: reader.range(section.sdk, ['sluice', 'sdk']),
    singleton: section.singleton ?? true,
    fragment: reader.fragment(section.fragment, section),
    fragmentAttachment: section.fragmentAttachment ?? 'always',
    startLevel: section.startLevel ?? 50,
    activation: section.activation ?? 'eager',
    isolation: section.isolation ?? 'inline',
    mount: isObject(section.http) ? text(section.http['mount'], '') : null,
    provides: reader.provides(section.provides),
    requires: reader.requires(section.requires),
    migrations: reader.migrations(section.migrations),
    capabilities: reader.capabilities(section.capabilities),
    requirements: reader.requirements(section.requirements),
    exports: reader.exports(section.exports),
    imports: reader.imports(section.imports),
    config: reader.config(section.config),
    permissions: reader.permissions(section.permissions, family),
    startTimeoutMs: section.startTimeoutMs ?? 10_000,
    stopTimeoutMs: section.stopTimeoutMs ?? 5_000,
    drainTimeoutMs: section.drainTimeoutMs ?? 30_000,
    stateVersion: section.stateVersion ?? null,
    stateReads: section.stateReads ?? 1,
    raw: document,
  };
  return Object.freeze(manifest);
}

const NO_VERSION = Version.of(0, 0, 0);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}
