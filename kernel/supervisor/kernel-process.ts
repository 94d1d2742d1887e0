/** One kernel as a child process: launched, told to begin, told to end, and what it says on its way. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { messageOf, SluiceError } from '@sluice/sdk';
import { SUPERVISED, type KernelMessage, type SupervisorMessage } from '../host/supervision.js';
import type { KeptSockets } from './kept-sockets.js';

/** How a kernel is launched. */
export interface KernelCommand {
  /** Path of the Node executable. */
  readonly node: string;
  /** Folder of the package `@sluice/kernel`. */
  readonly kernelFolder: string;
  /** Arguments of `sluice`. */
  readonly arguments: readonly string[];
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A kernel process. */
export class KernelProcess {
  readonly command: KernelCommand;
  readonly #child: ChildProcess;
  readonly #sockets: KeptSockets;
  /** Resolves with the kernel's version when its code is loaded. */
  readonly loaded: Promise<string>;
  /** Resolves when the kernel serves. */
  readonly ready: Promise<void>;
  /** Resolves when the process has ended. */
  readonly exited: Promise<Exit>;
  /** Version, once it is loaded. */
  version: string | null = null;
  /** How the process ended; null while it lives. */
  exit: Exit | null = null;
  #toldToEnd = false;

  constructor(command: KernelCommand, sockets: KeptSockets) {
    this.command = command;
    this.#sockets = sockets;
    this.#child = spawn(command.node, [join(command.kernelFolder, 'bin/sluice.cjs'), ...command.arguments], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, [SUPERVISED]: '1' },
    });
    const failed = this.#failure();
    this.loaded = Promise.race([this.#message('loaded').then(({ version }) => (this.version = version)), failed]);
    this.ready = Promise.race([this.#message('ready').then(() => undefined), failed]);
    this.exited = new Promise((resolve) => {
      const ended = (exit: Exit): void => resolve((this.exit ??= exit));
      this.#child.once('exit', (code, signal) => ended({ code, signal }));
      // Never came to life: the path of the executable is wrong.
      this.#child.once('error', () => ended({ code: 127, signal: null }));
    });
    // Whether anybody waits for them is decided later.
    for (const one of [this.loaded, this.ready]) one.catch(() => undefined);
    this.#child.on('message', (message: KernelMessage) => message.type === 'listen' && this.#listen(message));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** True when this process was asked to end. */
  get toldToEnd(): boolean {
    return this.#toldToEnd;
  }

  /** Lets it touch the data folder. */
  start(): void {
    this.#sockets.newKernel();
    this.#say({ type: 'start' });
  }

  /** Asks it to end in order; after a limit it is killed. */
  async stop(lameDuckMs: number, limitMs: number): Promise<Exit> {
    this.#toldToEnd = true;
    this.#say({ type: 'stop', lameDuckMs });
    const timer = setTimeout(() => void this.kill(), lameDuckMs + limitMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  /** Ends it at once. */
  kill(): Promise<Exit> {
    this.#toldToEnd = true;
    this.#child.kill('SIGKILL');
    return this.exited;
  }

  #say(message: SupervisorMessage, handle?: object): void {
    if (!this.#child.connected) return;
    // A process that has just died is noticed by its exit.
    this.#child.send(message, handle as Parameters<ChildProcess['send']>[1], () => {});
  }

  #listen({ id, host, port }: Extract<KernelMessage, { type: 'listen' }>): void {
    try {
      this.#say({ type: 'socket', id }, this.#sockets.take(host, port));
    } catch (error) {
      this.#say({
        type: 'socket',
        id,
        error: { code: error instanceof SluiceError ? error.code : 'UNEXPECTED', message: messageOf(error) },
      });
    }
  }

  #message<T extends KernelMessage['type']>(type: T): Promise<Extract<KernelMessage, { type: T }>> {
    return new Promise((resolve) => {
      const listener = (message: KernelMessage): void => {
        if (message.type !== type) return;
        this.#child.off('message', listener);
        resolve(message as Extract<KernelMessage, { type: T }>);
      };
      this.#child.on('message', listener);
    });
  }

  #failure(): Promise<never> {
    return new Promise((_, reject) => {
      const { node, kernelFolder } = this.command;
      this.#child.once('error', (error) =>
        reject(
          new SluiceError('KERNEL_LAUNCH_FAILED', `'${node}' cannot be run: ${error.message}`, {
            details: { node, kernelFolder },
            cause: error,
          }),
        ),
      );
      this.#child.once('exit', (code, signal) =>
        reject(
          new SluiceError('KERNEL_ENDED', `The kernel in '${kernelFolder}' ended with ${signal ?? `code ${code}`} before it served`, {
            details: { node, kernelFolder, code, signal },
            remedy: 'Its messages are in the output of the supervisor.',
          }),
        ),
      );
    });
  }
}
