/** `sluice inspect` and `sluice why`: everything about one bundle, and the causes of its state. */
import type { BundleDetail, Cause, ComponentSummary } from '../../admin/contract.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import { bundleArgument } from '../change.js';
import type { CommandContext, CommandInput } from '../command.js';
import { printFailure } from '../failure.js';
import { formatTime } from '../format.js';
import { renderPairs } from '../table.js';
import { printable, type Terminal } from '../terminal.js';

/** Runs `sluice inspect`. */
export async function inspect(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const detail = await context.client().inspect(bundleArgument(input));
  if (context.json) context.terminal.out(JSON.stringify(detail));
  else printDetail(context.terminal, detail);
  return EXIT.ok;
}

/** Runs `sluice why`. */
export async function why(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const { terminal } = context;
  const causes = await context.client().why(input.arguments[0] ?? '');
  if (context.json) terminal.out(JSON.stringify(causes));
  else for (const [index, cause] of causes.entries()) printCause(terminal, cause, causes[index - 1]);
  return EXIT.ok;
}

function printCause(terminal: Terminal, cause: Cause, previous: Cause | undefined): void {
  const indent = '  '.repeat(cause.depth);
  const when = cause.at === undefined ? '' : terminal.paint('faint', ` (${formatTime(cause.at)})`);
  // What happened earlier is no reason of what happened later.
  const earlier = cause.area === 'history' && previous?.area === 'history' && previous.depth === cause.depth;
  const link =
    cause.depth === 0 ? '' : earlier ? 'before that ' : cause.area === 'service' && cause.statement.startsWith('(') ? '' : 'because ';
  terminal.out(`${indent}${link}${terminal.paint('strong', printable(cause.subject))}: ${printable(cause.statement)}${when}`);
  for (const advice of [cause.remedy, cause.command]) {
    if (advice !== undefined) terminal.out(`${indent}  ${terminal.paint('faint', 'try')} ${printable(advice)}`);
  }
}

function printDetail(terminal: Terminal, detail: BundleDetail): void {
  const { previous } = detail;
  const pairs = renderPairs(terminal, [
    ['bundle', `${detail.symbolicName} ${detail.version} (id ${detail.id}, revision ${detail.revision})`],
    ['state', `${detail.state}${detail.onTrial ? ', on trial' : ''}`],
    ['family', detail.family],
    ['tier', detail.tier],
    ['start level', `${detail.startLevel}${detail.autostart ? ', starts by itself' : ', does not start by itself'}`],
    ['digest', detail.digest],
    ['previous', previous === null ? undefined : `${previous.version} ${previous.digest}`],
    ['lingering', detail.lingering === 0 ? undefined : `${detail.lingering} old revisions`],
  ]);
  for (const line of pairs) terminal.out(line);
  if (detail.error !== undefined) printFailure(terminal, detail.error, false);
  section(terminal, 'Uses', detail.wires, (wire) => `${wire.name}  from ${wire.provider}`);
  section(terminal, 'Used by', detail.usedBy, (use) => `${use.name}  by ${use.consumer}`);
  section(terminal, 'Services', detail.services, (service) => {
    const users = service.users.length === 0 ? 'nobody' : service.users.join(', ');
    return `${service.contract} ${service.version}  (id ${service.id}) used by ${users}`;
  });
  section(terminal, 'Components', detail.components, componentLine);
  section(terminal, 'Owns', detail.scope, (line) => line);
}

function componentLine(component: ComponentSummary): string {
  const references = component.references
    .map((reference) => {
      const bound = reference.bound.length === 0 ? (reference.satisfied ? 'none' : 'MISSING') : reference.bound.join(', ');
      return `\n  ${reference.contract} [${reference.cardinality} ${reference.policy}] ${bound}`;
    })
    .join('');
  const reason = component.reason === undefined ? '' : `: ${component.reason}`;
  return `${component.name}  ${component.state}${reason}${references}`;
}

function section<T>(terminal: Terminal, title: string, rows: readonly T[], line: (row: T) => string): void {
  if (rows.length === 0) return;
  terminal.out(terminal.paint('strong', title));
  for (const row of rows) for (const part of line(row).split('\n')) terminal.out(`  ${printable(part)}`);
}
