/**
 * The supervisor: keeps the listening sockets, runs one kernel at a time, starts it again after a crash, and replaces it by another one
 * without a lost connection. The new kernel loads its code while the old one serves; then the old one lets its clients go and ends, the
 * operating system queues new connections, and the new one begins. When that one does not serve, the old command is run again.
 * Always holds: never two kernels on the data folder; the sockets stay open over all of that.
 */
import { isSluiceError, messageOf, SluiceError } from '@sluice/sdk';
import { KernelProcess, type Exit, type KernelCommand } from './kernel-process.js';
import { KeptSockets } from './kept-sockets.js';
import { CRASHES_MAX, CRASH_WINDOW_MS, RestartPolicy } from './restart-policy.js';

/** How a supervisor works. */
export interface SupervisorOptions {
  readonly command: KernelCommand;
  /** Milliseconds in which clients are told to go elsewhere while the ending kernel still takes new work. */
  readonly lameDuckMs: number;
  /** Longest time from leave to begin to serving. Default 60,000. */
  readonly startMs?: number;
  /** Writes a line for the operator. */
  readonly log: (line: string) => void;
}

/** What to replace the kernel by; what is left out stays as it is. */
export interface UpgradeRequest {
  readonly kernelFolder?: string;
  readonly node?: string;
  readonly lameDuckMs?: number;
}

/** How a replacement ended. */
export interface UpgradeOutcome {
  readonly outcome: 'replaced' | 'returned' | 'refused';
  readonly from: { readonly version: string | null; readonly pid: number | undefined };
  readonly to: { readonly version: string | null; readonly pid: number | undefined };
  /** Milliseconds in which new connections waited. */
  readonly pauseMs: number;
  readonly error?: { readonly code: string; readonly message: string };
}

/** What a supervisor tells about itself. */
export interface SupervisorStatus {
  readonly pid: number;
  readonly state: 'starting' | 'serving' | 'replacing' | 'waiting' | 'ended';
  readonly kernel: { readonly version: string | null; readonly pid: number | undefined };
  readonly crashes: number;
}

const START_MS_MAX = 60_000;
const LOAD_MS_MAX = 30_000;
/** Longest orderly end of a kernel, beyond the lame duck time. */
const STOP_MS_MAX = 90_000;
/** A new kernel that crashes within this time is replaced by the one before. */
const PROVING_MS = 60_000;

/** A supervisor. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #sockets = new KeptSockets();
  readonly #policy = new RestartPolicy();
  #kernel: KernelProcess;
  #state: SupervisorStatus['state'] = 'starting';
  #crashes = 0;
  #replacement: Promise<unknown> | null = null;
  #proving: { readonly before: KernelCommand; readonly until: number } | null = null;
  #ended: (exitCode: number) => void = () => {};
  #served: () => void = () => {};
  /** Resolves when a kernel has served for the first time. */
  readonly serving = new Promise<void>((resolve) => (this.#served = resolve));
  readonly #stopping = new AbortController();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#kernel = new KernelProcess(options.command, this.#sockets);
  }

  status(): SupervisorStatus {
    const { version, pid } = this.#kernel;
    return { pid: process.pid, state: this.#state, kernel: { version, pid }, crashes: this.#crashes };
  }

  /**
   * Runs until the kernel has ended on purpose or cannot be kept alive.
   * @returns the exit code of the process.
   */
  async run(): Promise<number> {
    const ended = new Promise<number>((resolve) => (this.#ended = resolve));
    try {
      await this.#bringUp(this.#kernel);
    } catch (error) {
      // The first start: nothing worked before, so trying again would hide the cause.
      this.#options.log(messageOf(error));
      const { code } = await this.#kernel.kill();
      this.#end(code === null || code === 0 ? 1 : code);
    }
    const exitCode = await ended;
    this.#sockets.close();
    return exitCode;
  }

  /** Ends the kernel in order, and with it the supervisor. */
  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    // Which kernel is to end is only known afterwards.
    await this.#replacement?.catch(() => undefined);
    // Between a crash and the next start there is none; one that is still starting ends once it has started.
    if (this.#kernel.exit !== null) return this.#end(0);
    const { code } = await this.#kernel.stop(this.#options.lameDuckMs, STOP_MS_MAX);
    this.#end(code ?? 1);
  }

  /**
   * Replaces the kernel.
   * @throws SluiceError `UPGRADE_BUSY` while another replacement runs or no kernel serves.
   */
  async upgrade(request: UpgradeRequest): Promise<UpgradeOutcome> {
    if (this.#state !== 'serving' || this.#stopping.signal.aborted) {
      throw new SluiceError('UPGRADE_BUSY', `The kernel cannot be replaced now: the supervisor is ${this.#state}`, {
        details: { state: this.#state },
        remedy: 'Try again when `sluice status` says that the kernel is running.',
        httpStatus: 409,
      });
    }
    this.#state = 'replacing';
    const replacement = this.#replace(request);
    this.#replacement = replacement;
    return replacement;
  }

  async #replace(request: UpgradeRequest): Promise<UpgradeOutcome> {
    const old = this.#kernel;
    const command: KernelCommand = {
      ...old.command,
      ...(request.kernelFolder === undefined ? {} : { kernelFolder: request.kernelFolder }),
      ...(request.node === undefined ? {} : { node: request.node }),
    };
    const next = new KernelProcess(command, this.#sockets);
    try {
      await inTime(next.loaded, LOAD_MS_MAX, 'load its code');
    } catch (error) {
      await next.kill();
      this.#options.log(`The kernel was not replaced: ${messageOf(error)}`);
      this.#state = 'serving';
      if (old.exit !== null) void this.#restart(old, old.exit);
      return outcome('refused', old, next, 0, error);
    }
    await old.stop(request.lameDuckMs ?? this.#options.lameDuckMs, STOP_MS_MAX);
    return this.#succeed(old, next);
  }

  async #succeed(old: KernelProcess, next: KernelProcess): Promise<UpgradeOutcome> {
    const startedAt = performance.now();
    try {
      await this.#bringUp(next);
    } catch (error) {
      await next.kill();
      this.#options.log(`The new kernel does not serve, the one before comes back: ${messageOf(error)}`);
      await this.#keepAlive(new KernelProcess(old.command, this.#sockets));
      return outcome('returned', old, next, performance.now() - startedAt, error);
    }
    this.#proving = { before: old.command, until: performance.now() + PROVING_MS };
    const pauseMs = performance.now() - startedAt;
    this.#options.log(
      `Kernel ${old.version} (process ${old.pid}) was replaced by ${next.version} (process ${next.pid}) in ${Math.round(pauseMs)} ms`,
    );
    return outcome('replaced', old, next, pauseMs);
  }

  /** Brings a kernel to serving, and follows what becomes of it. */
  async #bringUp(kernel: KernelProcess): Promise<void> {
    this.#kernel = kernel;
    await inTime(kernel.loaded, LOAD_MS_MAX, 'load its code');
    kernel.start();
    await inTime(kernel.ready, this.#options.startMs ?? START_MS_MAX, 'serve');
    this.#sockets.closeUnused();
    this.#state = 'serving';
    this.#served();
    void kernel.exited.then((exit) => this.#afterExit(kernel, exit));
  }

  #afterExit(kernel: KernelProcess, exit: Exit): void {
    if (kernel.toldToEnd || this.#state === 'replacing' || this.#stopping.signal.aborted) return;
    // Ended on purpose, through the admin protocol.
    if (exit.code === 0) this.#end(0);
    else void this.#restart(kernel, exit);
  }

  /** Brings a kernel up; one that does not come up is a crash. */
  async #keepAlive(kernel: KernelProcess): Promise<void> {
    try {
      await this.#bringUp(kernel);
    } catch (error) {
      this.#options.log(messageOf(error));
      const exit = await kernel.kill();
      if (!this.#stopping.signal.aborted) void this.#restart(kernel, exit);
    }
  }

  async #restart(crashed: KernelProcess, exit: Exit): Promise<void> {
    this.#crashes += 1;
    this.#state = 'waiting';
    const delayMs = this.#policy.crashed(performance.now());
    const cause = exit.signal ?? `code ${exit.code}`;
    if (delayMs === null) {
      this.#options.log(`The kernel ended with ${cause}, the ${CRASHES_MAX}th time in ${CRASH_WINDOW_MS / 1_000} s: given up`);
      return this.#end(exit.code === 0 ? 1 : (exit.code ?? 1));
    }
    this.#options.log(`The kernel (process ${crashed.pid}) ended with ${cause}; started again in ${delayMs} ms`);
    await pause(delayMs, this.#stopping.signal);
    if (!this.#stopping.signal.aborted) await this.#keepAlive(new KernelProcess(this.#commandAfter(crashed), this.#sockets));
  }

  /** A new kernel that crashes soon after the replacement has not proved itself. */
  #commandAfter(crashed: KernelProcess): KernelCommand {
    const proving = this.#proving;
    this.#proving = null;
    if (proving === null || performance.now() > proving.until) return crashed.command;
    this.#options.log(`It was new: the kernel in '${proving.before.kernelFolder}' comes back`);
    return proving.before;
  }

  #end(exitCode: number): void {
    this.#state = 'ended';
    this.#ended(exitCode);
  }
}

function outcome(
  kind: UpgradeOutcome['outcome'],
  from: KernelProcess,
  to: KernelProcess,
  pauseMs: number,
  error?: unknown,
): UpgradeOutcome {
  return {
    outcome: kind,
    from: { version: from.version, pid: from.pid },
    to: { version: to.version, pid: to.pid },
    pauseMs,
    ...(error === undefined ? {} : { error: { code: isSluiceError(error) ? error.code : 'UNEXPECTED', message: messageOf(error) } }),
  };
}

async function inTime<T>(work: Promise<T>, limitMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new SluiceError('KERNEL_START_TIMEOUT', `The kernel did not ${what} within ${limitMs} ms`, { details: { limitMs } })),
      limitMs,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  if (delayMs === 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, delayMs);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
