/**
 * A whole system as its users have it: the kernel as a child process on a data folder, reached by the admin protocol and real HTTP.
 * Owns the process and the folder; what is asked of the bank is in bank-client.ts.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AdminClient } from '@sluice/kernel/admin/client';

/** The project's folder; tests run from build/test/support. */
export const ROOT = resolve(__dirname, '../../..');
/** Where `npm run build` puts the artifacts. */
export const BUNDLES = join(ROOT, 'build/bundles');
const CLI = join(ROOT, 'kernel/bin/sluice.cjs');
const START_TIMEOUT_MS = 60_000;

/** How to start a system. */
export interface SystemOptions {
  /** Configuration of bundles, by symbolic name, as the operator's files say it. */
  readonly config?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Folder of artifacts for the first start. Default: the whole distribution. */
  readonly bundles?: string;
  /** Under a supervisor, which keeps the listening socket. */
  readonly supervised?: boolean;
  /** Existing data folder; default a new one, removed at the end. */
  readonly dataFolder?: string;
}

/** A running system. */
export class System {
  readonly dataFolder: string;
  readonly admin: AdminClient;
  readonly address: string;
  readonly #bundles: string;
  readonly #temporary: boolean;
  readonly #supervised: boolean;
  #process: ChildProcess | null = null;
  #output = '';

  private constructor(dataFolder: string, port: number, bundles: string, temporary: boolean, supervised: boolean) {
    this.dataFolder = dataFolder;
    this.address = `http://127.0.0.1:${port}`;
    this.admin = new AdminClient(dataFolder, 'test');
    this.#bundles = bundles;
    this.#temporary = temporary;
    this.#supervised = supervised;
  }

  /** Starts a system on a free port and waits until it serves. */
  static async start(options: SystemOptions = {}): Promise<System> {
    const dataFolder = options.dataFolder ?? mkdtempSync(join(tmpdir(), 'sluice-system-'));
    const port = await freePort();
    mkdirSync(join(dataFolder, 'config'), { recursive: true });
    const config = { ...options.config, 'system.http': { port, ...options.config?.['system.http'] } };
    for (const [bundle, values] of Object.entries(config))
      writeFileSync(join(dataFolder, 'config', `${bundle}.json`), JSON.stringify(values));
    const system = new System(dataFolder, port, options.bundles ?? BUNDLES, options.dataFolder === undefined, options.supervised === true);
    await system.launch();
    return system;
  }

  /** Everything the process has printed. */
  get output(): string {
    return this.#output;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Launches the process (again) and waits until it says that it started. Returns how long that took. */
  async launch(): Promise<number> {
    const startedAt = performance.now();
    const how = this.#supervised ? ['--supervised'] : [];
    const child = spawn(process.execPath, [CLI, '--data', this.dataFolder, 'start', '--bundles', this.#bundles, ...how], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    await new Promise<void>((done, failed) => {
      const timer = setTimeout(
        () => failed(new Error(`the kernel did not start in ${START_TIMEOUT_MS} ms:\n${this.#output}`)),
        START_TIMEOUT_MS,
      );
      const take = (chunk: Buffer): void => {
        this.#output += chunk.toString();
        if (this.#output.length > 200_000) this.#output = this.#output.slice(-100_000);
        if (!/^Started in/m.test(this.#output.slice(-4_000))) return;
        clearTimeout(timer);
        done();
      };
      child.stdout.on('data', take);
      child.stderr.on('data', take);
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        failed(new Error(`the kernel ended with ${code ?? signal}:\n${this.#output.slice(-4_000)}`));
      });
    });
    this.#output = '';
    return performance.now() - startedAt;
  }

  /** Kills the process without any warning, as a power cut does. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** Stops in order and removes a temporary data folder. */
  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child !== null && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    }
    if (this.#temporary) rmSync(this.dataFolder, { recursive: true, force: true });
  }

  /** Bytes of a built artifact of the distribution. */
  artifact(symbolicName: string, version = '1.0.0'): Buffer {
    return readFileSync(join(BUNDLES, `${symbolicName}-${version}.tgz`));
  }
}

/** The replaced revisions that are still there after forced collections, each with what holds it. */
export async function notCollected(system: System): Promise<readonly string[]> {
  const verdicts = await system.admin.leaks({ collect: true });
  return verdicts
    .filter(({ collected }) => collected === 'no')
    .map(({ bundle, version, holders }) => `'${bundle}' ${version} was not collected: ${holders.join('; ')}`);
}

/** A TCP port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
