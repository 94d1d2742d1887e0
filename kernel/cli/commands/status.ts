/** `sluice status`: the kernel at a glance. */
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import type { RuntimeStatus } from '../../admin/contract.js';
import type { CommandContext } from '../command.js';
import { printFailure } from '../failure.js';
import { formatBytes, formatDuration } from '../format.js';
import { renderPairs } from '../table.js';

/** Runs the command. */
export async function run(context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  const status = await context.client().status();
  if (context.json) {
    terminal.out(JSON.stringify(status));
    return EXIT.ok;
  }
  const { bundles, memory, trial } = status;
  const failed = bundles.failed > 0 ? terminal.paint('bad', `, ${bundles.failed} failed`) : '';
  terminal.out(
    `${terminal.paint(status.phase === 'running' ? 'good' : 'warning', status.phase)}, ${bundles.active} of ${bundles.total} bundles active${failed}`,
  );
  const left = trial === null ? '' : formatDuration(Math.max(0, trial.endsAt - Date.now()));
  const pairs = renderPairs(terminal, [
    ['kernel', `${status.version} on Node ${status.node}, process ${status.pid}`],
    ['up for', formatDuration(Math.max(0, Date.now() - status.startedAt))],
    ['data', status.dataFolder],
    ['generation', status.generation],
    ['start level', status.startLevel],
    ['services', status.services],
    ['entries now', status.entries],
    ['memory', `${formatBytes(memory.heapUsedBytes)} heap, ${formatBytes(memory.rssBytes)} resident`],
    ['listens on', status.addresses.length === 0 ? undefined : status.addresses.join(', ')],
    ['trust', status.trust === undefined ? undefined : trustOf(status.trust.policy, status.trust.unapproved.length)],
    ['admin on', status.trust?.adminUrl ?? undefined],
    ['release', status.release === undefined ? undefined : `${status.release.name}@${status.release.version}`],
    ['on trial', trial === null ? undefined : trialText(trial, left)],
  ]);
  for (const line of pairs) terminal.out(line);
  for (const alarm of status.alarms) printFailure(terminal, alarm, false);
  return EXIT.ok;
}

function trialText({ bundles, deployId, temporary }: NonNullable<RuntimeStatus['trial']>, left: string): string {
  const fate = temporary === true ? `temporary, taken back in ${left} unless confirmed` : `for ${left} more`;
  return `${[bundles.join(', '), fate].filter((part) => part !== '').join(' ')} (${deployId})`;
}

const POLICY_MEANINGS = {
  off: 'off: signatures and versions are not looked at',
  warn: 'warn: unsigned bundles and reused or lower versions are let in',
  require: 'require: only what build and release signed runs',
} as const;

function trustOf(policy: keyof typeof POLICY_MEANINGS, unapproved: number): string {
  return `${POLICY_MEANINGS[policy]}${unapproved === 0 || policy === 'off' ? '' : ` (${unapproved} installed without approval)`}`;
}
