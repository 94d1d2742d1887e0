/** Waits for the end of a probation, for scripts that want to know before they go on. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AdminClient } from '../admin/client.js';
import { EXIT, type ExitCode } from '../admin/exit-codes.js';
import type { CommandContext } from './command.js';
import { printFailure } from './failure.js';

const POLL_MS = 250;
/** Entries of the history that are searched for a later rollback. */
const HISTORY_SEARCHED = 50;

/** Waits until a deploy is no longer on trial and tells whether it stayed. */
export async function waitForVerdict(context: CommandContext, client: AdminClient, deployId: string): Promise<ExitCode> {
  for (;;) {
    const { trial } = await client.status();
    if (trial?.deployId !== deployId) break;
    const leftMs = Math.max(0, trial.endsAt - Date.now());
    if (!context.json) context.terminal.progress(`probation  ${Math.ceil(leftMs / 1000)} s left`);
    await sleep(Math.min(POLL_MS, Math.max(10, leftMs)), undefined, { signal: context.signal });
  }
  const entry = (await client.history(HISTORY_SEARCHED)).find((one) => one.deployId === deployId);
  const rolledBack = entry?.outcome === 'rolled-back';
  if (context.json)
    context.terminal.out(JSON.stringify({ deployId, verdict: rolledBack ? 'rolled-back' : 'confirmed', error: entry?.error }));
  else if (!rolledBack) context.terminal.out(`${context.terminal.paint('good', 'Confirmed')} after probation`);
  else {
    const fallback = { code: 'PROBATION_FAILED', message: 'The new revision did worse than the one before and was taken back' };
    printFailure(context.terminal, entry.error ?? fallback, false);
  }
  return rolledBack ? EXIT.rolledBack : EXIT.ok;
}
