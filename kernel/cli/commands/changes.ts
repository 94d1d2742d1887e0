/** Commands that change what is installed or running, each one call of the admin protocol. */
import type { ExitCode } from '../../admin/exit-codes.js';
import { EXIT, exitCodeOfOutcome } from '../../admin/exit-codes.js';
import { collectArtifacts, partsOf } from '../artifacts.js';
import { bundleArgument, changeOptionsOf, runChange } from '../change.js';
import type { CommandContext, CommandInput } from '../command.js';
import { printable } from '../terminal.js';
import { waitForVerdict } from '../verdict.js';

/** `sluice deploy`. */
export async function deploy(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  // Digests stand for what was uploaded before; its bytes need not be here.
  const stored = input.arguments.map((name) => /^(?:sha256:)?([0-9a-f]{64})$/.exec(name)?.[1]).filter((one) => one !== undefined);
  const isStored = stored.length > 0 && stored.length === input.arguments.length;
  const artifacts = isStored ? [] : await collectArtifacts(context, input.arguments, input);
  const client = context.client();
  const options = changeOptionsOf(input);
  let deployId: string | undefined;
  const exitCode = await runChange(context, options, async (all) => {
    const outcome = isStored ? await client.deployStored(stored, all) : await client.deploy(partsOf(artifacts), all);
    if (outcome.onTrial) ({ deployId } = outcome);
    return outcome;
  });
  if (exitCode !== EXIT.ok || input.options['wait'] !== true || deployId === undefined) return exitCode;
  return waitForVerdict(context, client, deployId);
}

/** `sluice plan`: a deploy that only tells what it would do. */
export function plan(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  return deploy(context, { ...input, options: { ...input.options, dryRun: true } });
}

/** `sluice install`. */
export async function install(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const artifacts = await collectArtifacts(context, input.arguments);
  return runChange(context, changeOptionsOf(input), (options) => context.client().install(partsOf(artifacts), options));
}

/** `sluice update`. */
export async function update(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const [artifact] = await collectArtifacts(context, input.arguments);
  return runChange(context, changeOptionsOf(input), (options) =>
    context.client().update(artifact?.bytes ?? new Uint8Array(), options, artifact?.signatures ?? undefined),
  );
}

/** `sluice start <bundle>`. */
export function startBundle(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  return runChange(context, changeOptionsOf(input), (options) => context.client().start(bundleArgument(input), options));
}

/** `sluice stop <bundle>`. */
export function stopBundle(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  return runChange(context, changeOptionsOf(input), (options) => context.client().stop(bundleArgument(input), options));
}

/** `sluice uninstall`. */
export function uninstall(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  return runChange(context, changeOptionsOf(input), (options) => context.client().uninstall(bundleArgument(input), options));
}

/** `sluice rollback`. During probation it takes the deploy back, and that is what was asked for. */
export function rollback(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  return runChange(context, changeOptionsOf(input), async (options) => {
    const outcome = await context.client().rollback(bundleArgument(input), options);
    const { error, ...done } = outcome;
    return outcome.outcome === 'rolled-back' && error?.code === 'ROLLED_BACK' ? { ...done, outcome: 'committed' } : outcome;
  });
}

/** `sluice confirm`. */
export async function confirm(context: CommandContext): Promise<ExitCode> {
  const { terminal, json } = context;
  const outcome = await context.client().confirm();
  const kept = outcome.plan.changes.map(({ symbolicName, to }) => `${symbolicName} ${to ?? ''}`.trimEnd()).join(', ');
  if (json) terminal.out(JSON.stringify(outcome));
  else terminal.out(`${terminal.paint('good', 'Confirmed')} ${printable(kept)}: generation ${outcome.generation} stays`);
  return exitCodeOfOutcome(outcome);
}
