/** `sluice stop`: without a bundle, shuts the kernel down and waits for its end; with one, stops that bundle. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '../../admin/errors.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import type { CommandContext, CommandInput } from '../command.js';
import { formatDuration, parseDuration } from '../format.js';
import { stopBundle } from './changes.js';

const POLL_MS = 25;
/** Longer than draining and stopping every bundle takes when each uses its whole time limit. */
const WAIT_DEFAULT_MS = 120_000;

/** Runs the command. */
export async function run(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  if (input.arguments.length > 0) return stopBundle(context, input);
  const { timeout } = input.options;
  const waitMs = typeof timeout === 'string' ? parseDuration('timeout', timeout) : WAIT_DEFAULT_MS;
  const started = performance.now();
  const { pid } = await context.client().shutdown();
  while (isAlive(pid)) {
    if (performance.now() - started > waitMs) {
      throw new SluiceError('KERNEL_STOP_TIMEOUT', `The kernel (process ${pid}) did not end within ${formatDuration(waitMs)}`, {
        details: { pid },
        remedy: `Wait longer with --timeout, look at \`sluice logs\`, or end it with \`kill ${pid}\``,
      });
    }
    await sleep(POLL_MS, undefined, { signal: context.signal });
  }
  const durationMs = performance.now() - started;
  context.terminal.out(context.json ? JSON.stringify({ stopped: true, pid, durationMs }) : `Stopped in ${formatDuration(durationMs)}`);
  return EXIT.ok;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
