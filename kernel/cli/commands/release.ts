/** `sluice release create | show | diff`, `sluice releases` and the way back from a release. */
import { writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { SluiceError } from '../../admin/errors.js';
import type { DesiredStateDocument, ReleaseEntry } from '../../admin/contract.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import { parseRelease, releaseLabel, type Release } from '../../model/index.js';
import { fetchedArtifact } from '../../repository/repository.js';
import { collectArtifacts } from '../artifacts.js';
import { changeOptionsOf, runChange } from '../change.js';
import type { CommandContext, CommandInput } from '../command.js';
import { formatTime, formatVersions, shortDigest } from '../format.js';
import { isRemoteName } from '../places.js';
import { readJsonFile } from '../release-file.js';
import { renderTable, type Column } from '../table.js';

type ReleaseBundle = Release['bundles'][number];
type Comparable = Pick<Release, 'configuration' | 'complete'> & { readonly bundles: readonly ReleaseBundle[]; readonly isRunning?: true };

const RELEASE_COLUMNS: readonly Column<ReleaseEntry>[] = [
  { title: 'RELEASE', value: (row) => releaseLabel(row), style: () => 'strong' },
  { title: 'OUTCOME', value: (row) => row.outcome, style: (row) => (row.outcome === 'confirmed' ? 'good' : 'warning') },
  { title: 'TIME', value: (row) => formatTime(row.at) },
  { title: 'ACTOR', value: (row) => row.actor },
  { title: 'GENERATION', value: (row) => row.generation, align: 'right' },
  { title: 'BUNDLES', value: (row) => row.bundles.length, align: 'right' },
  { title: 'NOTE', value: (row) => row.note ?? '', flexible: true },
];

/** Runs `sluice releases`. */
export async function list(context: CommandContext): Promise<ExitCode> {
  const releases = await context.client().releases();
  if (context.json) context.terminal.out(JSON.stringify(releases));
  else
    for (const line of renderTable(context.terminal, RELEASE_COLUMNS, releases, 'No release was deployed yet')) context.terminal.out(line);
  return EXIT.ok;
}

/** Runs `sluice release create <name> <version> <artifacts...>`. */
export async function create(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const [name = '', version = '', ...sources] = input.arguments;
  const { note, out, config, complete, watch, temporary } = input.options;
  const file = resolve(context.workingFolder, typeof out === 'string' ? out : `${name}-${version}.json`);
  const bundles: ReleaseBundle[] = [];
  for (const { file: location, bytes } of await collectArtifacts(context, sources, input)) {
    const artifact = fetchedArtifact(Buffer.from(bytes), location, null);
    bundles.push({
      name: artifact.name,
      version: artifact.version,
      digest: artifact.digest,
      source: sourceText(location, artifact.digest, file),
    });
  }
  const configuration = typeof config === 'string' ? await readJsonFile(context, config) : undefined;
  const settings = {
    ...(typeof watch === 'string' ? { watch } : {}),
    ...(typeof temporary === 'string' ? { temporary } : {}),
  };
  const release = {
    ...{ name, version },
    ...(typeof note === 'string' ? { note } : {}),
    ...(complete === true ? { complete } : {}),
    ...(Object.keys(settings).length === 0 ? {} : { settings }),
    bundles: bundles.sort((a, b) => (a.name < b.name ? -1 : 1)),
    ...(configuration === undefined ? {} : { configuration }),
  };
  parseRelease(release, `'${releaseLabel({ name, version })}'`);
  await writeFile(file, `${JSON.stringify(release, null, 2)}\n`);
  const shown = relative(context.workingFolder, file);
  context.terminal.out(
    context.json
      ? JSON.stringify({ file, release })
      : `${shown}  ${bundles.length} bundles; \`sluice plan ${shown}\` shows what it would do`,
  );
  return EXIT.ok;
}

/** A source as the file says it: paths start at the file, addresses carry the digest. */
function sourceText(location: string, digest: string, file: string): string {
  if (location.startsWith('npm:')) return location.slice(0, location.lastIndexOf('@'));
  if (isRemoteName(location)) return `${location}#sha256=${digest}`;
  const path = relative(dirname(file), location).split(sep).join('/');
  return isAbsolute(path) || path.startsWith('.') ? path : `./${path}`;
}

/** Runs `sluice release show <release>`: prints it as a file that can be deployed. */
export async function show(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const found = await entryOf(context, input.arguments[0] ?? '');
  const { name, version, note, complete, bundles, configuration } = found;
  const release: Release = {
    ...{ name, version },
    ...(note === undefined ? {} : { note }),
    ...(complete ? { complete } : {}),
    bundles: [...bundles],
    ...(Object.keys(configuration).length === 0 ? {} : { configuration: configuration as NonNullable<Release['configuration']> }),
  };
  context.terminal.out(JSON.stringify(release, null, context.json ? 0 : 2));
  return EXIT.ok;
}

async function entryOf(context: CommandContext, label: string): Promise<ReleaseEntry> {
  const releases = await context.client().releases();
  const found = releases.findLast((one) => releaseLabel(one) === label || one.deployId === label);
  if (found !== undefined) return found;
  const known = [...new Set(releases.map(releaseLabel))];
  throw new SluiceError('RELEASE_UNKNOWN', `No release '${label}' was deployed`, {
    details: { release: label, known },
    httpStatus: 404,
    remedy: known.length === 0 ? 'Name a release file.' : `Deployed were ${known.join(', ')}; or name a release file, or 'running'.`,
  });
}

/** One difference between two releases. */
interface Difference {
  readonly what: 'bundle' | 'configuration';
  readonly subject: string;
  readonly before: string | null;
  readonly after: string | null;
}

const DIFFERENCE_COLUMNS: readonly Column<Difference>[] = [
  { title: 'CHANGE', value: (row) => (row.before === null ? 'added' : row.after === null ? 'removed' : 'changed') },
  { title: 'WHAT', value: (row) => row.what },
  { title: 'SUBJECT', value: (row) => row.subject, style: () => 'strong' },
  { title: 'BEFORE -> AFTER', value: (row) => formatVersions(row.before, row.after), flexible: true },
];

/** Runs `sluice release diff <a> <b>`. Each is a file, a deployed release, or `running`. */
export async function diff(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const [a = '', b = ''] = input.arguments;
  const [before, after] = [await comparable(context, a), await comparable(context, b)];
  const differences = differencesOf(narrowed(before, after), narrowed(after, before));
  if (context.json) context.terminal.out(JSON.stringify(differences));
  else for (const line of renderTable(context.terminal, DIFFERENCE_COLUMNS, differences, 'They say the same')) context.terminal.out(line);
  return EXIT.ok;
}

/** Of what runs, only what a release speaks of that leaves the rest alone. */
function narrowed(one: Comparable, other: Comparable): Comparable {
  if (one.isRunning !== true || other.isRunning === true || other.complete === true) return one;
  const names = new Set([...other.bundles.map(({ name }) => name), ...Object.keys(other.configuration ?? {})]);
  const configuration = Object.entries(one.configuration ?? {}).filter(([bundle]) => names.has(bundle));
  const keys = (bundle: string): readonly string[] => Object.keys(other.configuration?.[bundle] ?? {});
  return {
    bundles: one.bundles.filter(({ name }) => names.has(name)),
    configuration: Object.fromEntries(
      configuration.map(([bundle, values]) => [
        bundle,
        Object.fromEntries(Object.entries(values).filter(([key]) => keys(bundle).includes(key))),
      ]),
    ),
  };
}

async function comparable(context: CommandContext, text: string): Promise<Comparable> {
  if (text === 'running') return ofState(await context.client().desiredState());
  if (text.endsWith('.json')) return parseRelease(await readJsonFile(context, text), `'${text}'`);
  const entry = await entryOf(context, text);
  return { bundles: entry.bundles, complete: entry.complete, configuration: entry.configuration as NonNullable<Release['configuration']> };
}

function ofState({ bundles, configuration }: DesiredStateDocument): Comparable {
  return { bundles: [...bundles], isRunning: true, configuration: configuration as NonNullable<Release['configuration']> };
}

function differencesOf(before: Comparable, after: Comparable): readonly Difference[] {
  const differences: Difference[] = [];
  const names = [...new Set([...before.bundles, ...after.bundles].map(({ name }) => name))].sort();
  for (const name of names) {
    const was = before.bundles.filter((one) => one.name === name);
    const now = after.bundles.filter((one) => one.name === name);
    for (const [index, one] of (was.length > now.length ? was : now).entries()) {
      const [old, next] = [was[index], now[index]];
      const texts = [bundleText(old, next), bundleText(next, old)] as const;
      if (texts[0] !== texts[1]) differences.push({ what: 'bundle', subject: one.name, before: texts[0], after: texts[1] });
    }
  }
  const keys = [...keysOf(before), ...keysOf(after)].map(([bundle, key]) => `${bundle} ${key}`);
  for (const subject of [...new Set(keys)].sort()) {
    const [bundle = '', key = ''] = subject.split(' ');
    const [old, next] = [before.configuration?.[bundle]?.[key], after.configuration?.[bundle]?.[key]];
    if (isDeepStrictEqual(old, next)) continue;
    differences.push({ what: 'configuration', subject: `${bundle}.${key}`, before: valueText(old), after: valueText(next) });
  }
  return differences;
}

/** What is said of a bundle: its version; the digest where the version is the same; what is set besides only where both say it. */
function bundleText(one: ReleaseBundle | undefined, other: ReleaseBundle | undefined): string | null {
  if (one === undefined) return null;
  if (other === undefined) return one.version;
  const parts = [one.version];
  const sameVersion = one.version === other.version;
  if (sameVersion && one.digest !== undefined && other.digest !== undefined && one.digest !== other.digest)
    parts.push(shortDigest(one.digest));
  if (one.autostart !== undefined && other.autostart !== undefined && one.autostart !== other.autostart)
    parts.push(one.autostart ? 'started' : 'stopped');
  if (one.startLevel !== undefined && other.startLevel !== undefined && one.startLevel !== other.startLevel)
    parts.push(`level ${one.startLevel}`);
  if (one.tier !== other.tier) parts.push(`tier ${one.tier ?? 'of its manifest'}`);
  return parts.join(', ');
}

function keysOf({ configuration = {} }: Comparable): readonly (readonly [string, string])[] {
  return Object.entries(configuration).flatMap(([bundle, values]) => Object.keys(values).map((key) => [bundle, key] as const));
}

function valueText(value: unknown): string | null {
  return value === undefined ? null : typeof value === 'string' ? value : (JSON.stringify(value) ?? null);
}

/** Runs `sluice rollback [bundle]`: with --release, returns from the release deployed last. */
export function rollback(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  if (input.options['release'] !== true) return (require('./changes.js') as typeof import('./changes.js')).rollback(context, input);
  if (input.arguments.length > 0) {
    throw new SluiceError('USAGE_ARGUMENT', 'A bundle and --release exclude each other', {
      httpStatus: 400,
      remedy: 'Name the bundle, or say --release to return from the whole release.',
    });
  }
  return runChange(context, changeOptionsOf(input), (options) => context.client().rollbackRelease(options));
}
