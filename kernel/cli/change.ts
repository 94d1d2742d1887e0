/** Runs one change through the client and tells people (or scripts) how it went. Shared by every command that changes something. */
import { SluiceError } from '../admin/errors.js';
import { TIERS, type Tier } from '../model/index.js';
import type { ClientChangeOptions } from '../admin/client.js';
import type { ChangeOutcome, ChangePlan, ProblemData, ProgressEvent } from '../admin/contract.js';
import { exitCodeOfOutcome, type ExitCode } from '../admin/exit-codes.js';
import type { CommandContext, CommandInput } from './command.js';
import { printFailure } from './failure.js';
import { formatDuration, formatVersions, parseDuration, parseWhole } from './format.js';
import { renderTable } from './table.js';
import { printable } from './terminal.js';

/** Reads the options of a change. */
export function changeOptionsOf(input: CommandInput): ClientChangeOptions {
  const text = (name: string): string | undefined => (typeof input.options[name] === 'string' ? input.options[name] : undefined);
  const watch = text('watch');
  const drain = text('drain');
  const temporary = text('temporary');
  const tier = text('tier');
  const deployId = text('deployId');
  const base = text('baseGeneration');
  return {
    ...(input.options['dryRun'] === true ? { dryRun: true } : {}),
    ...(watch === undefined ? {} : { watchMs: parseDuration('watch', watch) }),
    ...(drain === undefined ? {} : { drainMs: parseDuration('drain', drain) }),
    ...(temporary === undefined ? {} : { confirmWithinMs: parseDuration('temporary', temporary) }),
    ...(input.options['allowDowngrade'] === true ? { allowDowngrade: true } : {}),
    ...(input.options['grantPermissions'] === true ? { grantPermissions: true } : {}),
    ...(tier === undefined ? {} : { tier: parseTier(tier) }),
    ...(deployId === undefined ? {} : { deployId }),
    ...(base === undefined ? {} : { baseGeneration: parseWhole('base-generation', base) }),
  };
}

function parseTier(text: string): Tier {
  const tier = TIERS.find((one) => one === text);
  if (tier !== undefined) return tier;
  throw new SluiceError('USAGE_OPTION', `'${text}' is no isolation tier, expected ${TIERS.join(', ')}`, {
    remedy: '--tier worker',
    httpStatus: 400,
  });
}

/** Runs a change, prints its outcome and returns the exit code. */
export async function runChange(
  context: CommandContext,
  options: ClientChangeOptions,
  change: (options: ClientChangeOptions) => Promise<ChangeOutcome>,
): Promise<ExitCode> {
  const started = performance.now();
  const progress = (event: ProgressEvent): void => context.terminal.progress(progressLine(context, event));
  const outcome = await change(context.json ? options : { ...options, progress });
  if (context.json) context.terminal.out(JSON.stringify(outcome));
  else printOutcome(context, outcome, performance.now() - started, options.confirmWithinMs);
  return exitCodeOfOutcome(outcome);
}

/** A step of a change, with the bundle it is about. */
export function progressLine(context: CommandContext, event: ProgressEvent): string {
  const subject = event.bundle === undefined ? '' : `${event.bundle}: `;
  return `${context.terminal.paint('faint', event.phase.padEnd(9))} ${printable(subject + event.message)}`;
}

function printOutcome(context: CommandContext, outcome: ChangeOutcome, durationMs: number, confirmWithinMs?: number): void {
  const { terminal } = context;
  if (outcome.outcome === 'refused' || outcome.outcome === 'rolled-back') {
    const failure = outcome.error ?? { code: 'REFUSED', message: 'The change was refused', details: {} };
    printFailure(terminal, failure, false);
    printProblems(context, outcome.plan.problems, failure);
    const after = outcome.outcome === 'refused' ? 'Nothing was changed' : 'The change was taken back';
    return terminal.note(terminal.paint('faint', `  ${after}; generation ${outcome.generation}, change ${outcome.deployId}`));
  }
  if (outcome.outcome === 'planned') {
    printPlan(context, outcome.plan);
    return printProblems(context, outcome.plan.problems);
  }
  printPlan(context, outcome.plan);
  const cut = outcome.drained !== undefined && outcome.drained.cut > 0 ? `, ${outcome.drained.cut} entries cut while draining` : '';
  terminal.out(`${terminal.paint('good', 'Done')} in ${formatDuration(durationMs)}: generation ${outcome.generation}${cut}`);
  if (outcome.onTrial && confirmWithinMs !== undefined) {
    terminal.out(`Temporary: taken back in ${formatDuration(confirmWithinMs)} unless \`sluice confirm\` keeps it`);
  } else if (outcome.onTrial) terminal.out('On probation; `sluice confirm` ends it early, `sluice status` shows how it goes');
}

/** Prints a plan: what changes, and what else is touched. */
export function printPlan(context: CommandContext, plan: ChangePlan): void {
  const { terminal } = context;
  const columns = [
    { title: 'ACTION', value: (row: ChangePlan['changes'][number]) => row.action },
    { title: 'BUNDLE', value: (row: ChangePlan['changes'][number]) => row.symbolicName },
    { title: 'VERSION', value: (row: ChangePlan['changes'][number]) => formatVersions(row.from, row.to) },
    { title: 'TIER', value: (row: ChangePlan['changes'][number]) => row.tier ?? '' },
  ];
  const whenEmpty = plan.configuration === undefined ? 'Nothing to change' : 'No bundle changes its content';
  for (const line of renderTable(terminal, columns, plan.changes, whenEmpty)) terminal.out(line);
  if (plan.rebinds.length > 0) terminal.out(`rebound, not restarted: ${printable(plan.rebinds.join(', '))}`);
  if (plan.restarts.length > 0) terminal.out(`components built anew: ${printable(plan.restarts.join(', '))}`);
  // When the change is refused for want of a provider, the problems tell more.
  for (const { bundle, contract, provider } of plan.problems.length > 0 ? [] : (plan.unserved ?? [])) {
    const text = `${bundle} needs '${contract}' of ${provider} and finds it nowhere else: calls fail with SERVICE_UNAVAILABLE until it is back`;
    terminal.note(`${terminal.paint('warning', 'Warning')} ${printable(text)}`);
  }
  for (const route of plan.routes) terminal.out(printable(`routes ${route.mount}: ${formatVersions(route.from, route.to)}`));
  for (const line of detailsOf(plan)) terminal.out(printable(line));
}

/** What a plan says about configuration, migrations and contracts. */
function detailsOf({ configuration = [], migrations = [], contracts = [] }: ChangePlan): readonly string[] {
  const valueText = (value: unknown): string => (value === undefined ? 'not set' : (JSON.stringify(value) ?? ''));
  return [
    ...configuration.map(({ bundle, key, before, after }) => `configuration ${bundle} ${key}: ${valueText(before)} -> ${valueText(after)}`),
    ...migrations.map(({ bundle, name, phase }) => `migration ${bundle} ${name} (${phase})`),
    ...contracts.map(({ bundle, contract, from, to, members }) => {
      const list = members.map(({ member, text, breaking }) => `'${member}' ${text}${breaking ? ' (breaking)' : ''}`).join('; ');
      return `contract ${contract} of ${bundle}: ${formatVersions(from, to)}${list === '' ? '' : `: ${list}`}`;
    }),
  ];
}

function printProblems(context: CommandContext, problems: readonly ProblemData[], shown?: ProblemData): void {
  for (const problem of problems) {
    if (problem.code !== shown?.code || problem.message !== shown.message) printFailure(context.terminal, problem, false);
  }
}

/** The name of a bundle from the command line. */
export function bundleArgument(input: CommandInput): string {
  const [bundle] = input.arguments;
  if (bundle !== undefined && bundle !== '') return bundle;
  throw new SluiceError('USAGE_ARGUMENT', 'A bundle must be named', { remedy: '`sluice ls` lists the bundles', httpStatus: 400 });
}
