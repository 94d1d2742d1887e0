/**
 * `sluice plan` and `sluice deploy`: of artifacts, of a release file, and of a plan that was written down. A plan file carries the generation
 * it was made for and the digests of what it looked at, so that what is deployed is what was planned, or nothing.
 */
import { writeFile } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';
import { SluiceError } from '../../admin/errors.js';
import type { ClientChangeOptions } from '../../admin/client.js';
import type { ChangeOutcome } from '../../admin/contract.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import { collectArtifacts, partsOf } from '../artifacts.js';
import { changeOptionsOf, runChange } from '../change.js';
import type { CommandContext, CommandInput } from '../command.js';
import { isRemoteName } from '../places.js';
import { digestOf, readJsonFile, readyRelease } from '../release-file.js';
import { waitForVerdict } from '../verdict.js';

const PLAN_FORMAT = 'sluice-plan/1';

/** A plan that was written down. */
interface PlanFile {
  readonly format: typeof PLAN_FORMAT;
  readonly generation: number;
  /** What the plan was made of: absolute paths, URLs, `npm:` names. */
  readonly arguments: readonly string[];
  /** Digest over all that was looked at. */
  readonly digest: string;
}

/** Something that can be deployed. */
interface Deployable {
  readonly digest: string;
  readonly options: ClientChangeOptions;
  send(options: ClientChangeOptions): Promise<ChangeOutcome>;
}

/** Runs `sluice plan`. */
export async function plan(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const out = input.options['out'];
  if (typeof out !== 'string' && !isFileOfOurs(input)) return ordinary().plan(context, input);
  const deployable = await deployableOf(context, input, input.arguments);
  let generation = 0;
  const exitCode = await runChange(context, { ...deployable.options, ...changeOptionsOf(input), dryRun: true }, async (options) => {
    const outcome = await deployable.send(options);
    ({ generation } = outcome.plan);
    return outcome;
  });
  if (typeof out === 'string' && exitCode === EXIT.ok) {
    const file: PlanFile = {
      format: PLAN_FORMAT,
      generation,
      arguments: input.arguments.map((one) => (isRemoteName(one) ? one : resolve(context.workingFolder, one))),
      digest: deployable.digest,
    };
    await writeFile(resolve(context.workingFolder, out), `${JSON.stringify(file, null, 2)}\n`);
    if (!context.json) context.terminal.note(`Written to ${out}; \`sluice deploy ${out}\` does it, as long as nothing changes before`);
  }
  return exitCode;
}

/** Runs `sluice deploy`. */
export async function deploy(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  if (!isFileOfOurs(input)) return ordinary().deploy(context, input);
  const [file = ''] = input.arguments;
  const value = await readJsonFile(context, file);
  const planned = isPlanFile(value) ? value : null;
  const deployable =
    planned === null ? await ofRelease(context, input, value, file) : await deployableOf(context, input, planned.arguments);
  if (planned !== null && planned.digest !== deployable.digest) throw outdated(context, file, planned);
  const base: ClientChangeOptions = planned === null ? {} : { baseGeneration: planned.generation };
  let deployId: string | undefined;
  const exitCode = await runChange(context, { ...base, ...deployable.options, ...changeOptionsOf(input) }, async (options) => {
    const outcome = await deployable.send(options);
    if (outcome.onTrial) ({ deployId } = outcome);
    return outcome;
  });
  if (exitCode !== EXIT.ok || input.options['wait'] !== true || deployId === undefined) return exitCode;
  return waitForVerdict(context, context.client(), deployId);
}

function ordinary(): typeof import('./changes.js') {
  return require('./changes.js') as typeof import('./changes.js');
}

/** True when the one argument is a release or a plan. */
function isFileOfOurs({ arguments: given }: CommandInput): boolean {
  return given.length === 1 && given[0]?.endsWith('.json') === true && !isRemoteName(given[0]);
}

function isPlanFile(value: unknown): value is PlanFile {
  return (value as { format?: unknown } | null)?.format === PLAN_FORMAT;
}

async function deployableOf(context: CommandContext, input: CommandInput, names: readonly string[]): Promise<Deployable> {
  const [only = ''] = names;
  if (names.length === 1 && only.endsWith('.json') && !isRemoteName(only)) {
    return ofRelease(context, input, await readJsonFile(context, only), only);
  }
  const artifacts = await collectArtifacts(context, names, input);
  return {
    digest: digestOf(
      artifacts
        .map(({ bytes }) => digestOf(bytes))
        .sort()
        .join(' '),
    ),
    options: {},
    send: (options) => context.client().deploy(partsOf(artifacts), options),
  };
}

async function ofRelease(context: CommandContext, input: CommandInput, value: unknown, file: string): Promise<Deployable> {
  const { release, artifacts, options } = await readyRelease(context, value, file, input);
  // Which artifacts still have to be sent depends on what runs; the release names all digests.
  return {
    digest: digestOf(JSON.stringify(release)),
    options,
    send: (all) => context.client().deployRelease(release, partsOf(artifacts), all),
  };
}

function outdated(context: CommandContext, file: string, { arguments: names }: PlanFile): SluiceError {
  const shown = names.map((name) => (isAbsolute(name) ? relative(context.workingFolder, name) : name)).join(' ');
  return new SluiceError('PLAN_OUTDATED', `'${file}' was planned with other contents than those found now in ${shown}`, {
    details: { plan: file, arguments: names },
    httpStatus: 409,
    remedy: `Plan again: sluice plan ${shown} --out ${file}`,
  });
}
