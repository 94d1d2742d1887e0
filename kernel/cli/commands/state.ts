/** `sluice export` and `sluice import`: a whole desired state as one file. Importing is deploying a complete release, with all that implies. */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SluiceError } from '../../admin/errors.js';
import type { DesiredStateDocument } from '../../admin/contract.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import { parseRelease, type Release } from '../../model/index.js';
import { partsOf, type NamedArtifact } from '../artifacts.js';
import { changeOptionsOf, runChange } from '../change.js';
import type { CommandContext, CommandInput } from '../command.js';
import { readJsonFile, readyRelease } from '../release-file.js';

const STATE_FORMAT = 'sluice-state/1';

/** An exported state. */
interface StateFile extends DesiredStateDocument {
  readonly format: typeof STATE_FORMAT;
  readonly exportedAt: string;
  /** Artifacts in base64 by digest, when they were asked for. */
  readonly artifacts?: Readonly<Record<string, string>>;
}

/** Runs `sluice export [file]`. */
export async function exportState(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const client = context.client();
  const state = await client.desiredState();
  const artifacts: Record<string, string> = {};
  if (input.options['artifacts'] === true) {
    for (const { name, version } of state.bundles) {
      const { digest, base64 } = await client.artifactOf(`${name}@${version}`);
      artifacts[digest] = base64;
      if (!context.json) context.terminal.progress(`${name} ${version}`);
    }
  }
  const file: StateFile = {
    ...{ format: STATE_FORMAT, exportedAt: new Date().toISOString() },
    ...state,
    ...(input.options['artifacts'] === true ? { artifacts } : {}),
  };
  const [target] = input.arguments;
  const text = JSON.stringify(file, null, 2);
  if (target === undefined) context.terminal.out(text);
  else await writeFile(resolve(context.workingFolder, target), `${text}\n`, { mode: 0o600 });
  for (const { bundle, key } of state.omitted)
    context.terminal.note(`Left out: the secret '${key}' of '${bundle}'; set it where the state is imported`);
  return EXIT.ok;
}

/** Runs `sluice import <file>`. */
export async function importState(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const [file = ''] = input.arguments;
  const value = await readJsonFile(context, file);
  if ((value as { format?: unknown } | null)?.format !== STATE_FORMAT) {
    throw new SluiceError('STATE_FILE_INVALID', `'${file}' is no exported state: its format is not '${STATE_FORMAT}'`, {
      details: { file },
      httpStatus: 422,
      remedy: `'sluice export' writes such a file; a release is deployed with 'sluice deploy'.`,
    });
  }
  const state = value as StateFile;
  const release = parseRelease(releaseOf(state), `in '${file}'`);
  const { artifacts, release: ready } = await completed(context, state, release, file, input);
  const exitCode = await runChange(context, { watchMs: 0, ...changeOptionsOf(input) }, (options) =>
    context.client().deployRelease(ready, partsOf(artifacts), options),
  );
  if (exitCode !== EXIT.ok || input.options['dryRun'] === true) return exitCode;
  if ((await context.client().status()).startLevel !== state.startLevel) await context.client().setStartLevel(state.startLevel);
  return exitCode;
}

function releaseOf({ release, generation, bundles, configuration }: StateFile): unknown {
  const { name, version } = release ?? { name: 'imported', version: `generation-${generation}` };
  return { ...{ name, version, complete: true, bundles }, ...(Object.keys(configuration ?? {}).length === 0 ? {} : { configuration }) };
}

/** The artifacts that the kernel lacks: out of the file, else from the places of the command line. */
async function completed(
  context: CommandContext,
  { artifacts: carried = {} }: StateFile,
  release: Release,
  file: string,
  input: CommandInput,
): Promise<{ readonly release: Release; readonly artifacts: readonly NamedArtifact[] }> {
  const installed = new Set((await context.client().bundles()).map(({ digest }) => digest));
  const isCarried = ({ digest }: Release['bundles'][number]): boolean => digest !== undefined && Object.hasOwn(carried, digest);
  const elsewhere = release.bundles.filter((one) => !isCarried(one));
  const { artifacts } = await readyRelease(context, { ...release, bundles: elsewhere }, file, input);
  const out = release.bundles.filter((one) => isCarried(one) && !installed.has(one.digest ?? ''));
  const fromFile = out.map(({ name, digest = '' }) => ({
    file: name,
    bytes: Buffer.from(carried[digest] ?? '', 'base64'),
    signatures: null,
  }));
  return { release, artifacts: [...fromFile, ...artifacts] };
}
