/**
 * Guests as worker threads: an isolate and an event loop of their own in the kernel's process. Loops, exits and exceptions stay inside.
 * No wall for memory: growing one Map or parsing one huge JSON text beyond the limit ends the whole process.
 */
import { Worker } from 'node:worker_threads';
import { messageOf } from '@sluice/sdk';
import type { GuestEnd, GuestLauncher } from './guest-link.js';
import { ownModule } from './own-files.js';

/** New objects live here until they have survived twice; more makes collections longer, not fewer objects. */
const YOUNG_MEGABYTES = 16;
const STACK_MEGABYTES = 4;

/** Starts a worker thread with an empty environment. */
export const launchWorker: GuestLauncher = (bundle, limits, listener) => {
  const worker = new Worker(ownModule('guest/main'), {
    name: bundle,
    env: {},
    argv: [],
    execArgv: [],
    stdin: false,
    stdout: true,
    stderr: true,
    resourceLimits: {
      maxOldGenerationSizeMb: limits.heapMegabytes,
      maxYoungGenerationSizeMb: YOUNG_MEGABYTES,
      stackSizeMb: STACK_MEGABYTES,
    },
  });
  let stopped = false;
  let failure: GuestEnd | null = null;
  worker.on('message', (packet) => listener.packet(packet));
  worker.on('messageerror', (error) => (failure ??= { kind: 'error', message: messageOf(error), cause: error }));
  worker.on('error', (error) => {
    const memory = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
    failure ??= { kind: memory ? 'memory' : 'error', message: messageOf(error), cause: error };
  });
  worker.on('exit', (code) => {
    if (stopped) listener.ended({ kind: 'stopped', message: 'stopped' });
    else listener.ended(failure ?? { kind: 'exit', message: `the thread ended with code ${code}` });
  });
  for (const stream of [worker.stdout, worker.stderr]) stream.setEncoding('utf8').on('data', (text: string) => listener.output(text));
  return {
    label: `thread ${worker.threadId}`,
    pid: null,
    post: (packet) => worker.postMessage(packet, []),
    terminate: async () => {
      stopped = true;
      await worker.terminate();
    },
  };
};
