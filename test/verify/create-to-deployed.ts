/**
 * What a developer waits for, with the real commands: from `sluice create` to the bundle serving in a running kernel, and from a save to the
 * new answer over HTTP under `sluice dev`.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, System } from '../support/system.js';
import { pause } from './bank-load.js';
import { percentile } from './random.js';

/** What was measured, in milliseconds. */
export interface DeveloperFigures {
  readonly createToDeployedMs: number;
  readonly commands: number;
  readonly saves: number;
  readonly saveToAnswerP50Ms: number;
  readonly saveToAnswerP95Ms: number;
  readonly problems: readonly string[];
}

const CLI = join(ROOT, 'kernel/bin/sluice.cjs');
const ANSWER_MS_MAX = 10_000;

/** Runs against a system of its own. */
export async function createToDeployed(saves: number): Promise<DeveloperFigures> {
  const system = await System.start({ config: { 'platform.customer': { demoCustomers: 1 } } });
  const folder = mkdtempSync(join(tmpdir(), 'sluice-developer-'));
  try {
    return await new Developer(system, folder).run(saves);
  } finally {
    await system.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

class Developer {
  readonly #problems: string[] = [];

  constructor(
    readonly system: System,
    readonly folder: string,
  ) {}

  async run(saves: number): Promise<DeveloperFigures> {
    const startedAt = performance.now();
    const bundle = join(this.folder, 'hello');
    const steps: readonly (readonly [string, readonly string[]])[] = [
      [this.folder, ['create', 'hello']],
      [bundle, ['test']],
      [bundle, ['deploy', '.', '--data', this.system.dataFolder, '--watch', '0']],
    ];
    for (const [where, words] of steps) await this.#command(where, words);
    await this.#answers('Hello, Lin!');
    const createToDeployedMs = performance.now() - startedAt;
    const times = await this.#develop(bundle, saves);
    return {
      createToDeployedMs,
      commands: steps.length,
      saves: times.length,
      saveToAnswerP50Ms: percentile(times, 0.5),
      saveToAnswerP95Ms: percentile(times, 0.95),
      problems: this.#problems,
    };
  }

  /** Saves again and again, each time once the answer to the last save is there. */
  async #develop(bundle: string, saves: number): Promise<number[]> {
    const dev = this.#spawn(bundle, ['dev', '--json', '--data', this.system.dataFolder]);
    const times: number[] = [];
    try {
      await once(dev.stdout as NodeJS.ReadableStream, 'data');
      const file = join(bundle, 'domain/greeter.ts');
      const source = readFileSync(file, 'utf8');
      for (let save = 1; save <= saves; save += 1) {
        const savedAt = performance.now();
        writeFileSync(file, source.replace('name}!', `name} ${save}!`));
        await this.#answers(`Hello, Lin ${save}!`);
        times.push(performance.now() - savedAt);
      }
    } finally {
      dev.kill('SIGINT');
      await once(dev, 'close');
    }
    return times;
  }

  async #answers(message: string): Promise<void> {
    const until = performance.now() + ANSWER_MS_MAX;
    for (;;) {
      const answer = await fetch(`${this.system.address}/hello/greetings/Lin`);
      const body = (await answer.json()) as { message?: string };
      if (body.message === message) return;
      if (performance.now() > until)
        throw new Error(`'${message}' was not answered within ${ANSWER_MS_MAX} ms, but ${JSON.stringify(body)}`);
      await pause(1);
    }
  }

  async #command(where: string, words: readonly string[]): Promise<void> {
    const child = this.#spawn(where, words);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`sluice ${words.join(' ')} ended with ${code}:\n${output}`);
  }

  #spawn(where: string, words: readonly string[]): ChildProcess {
    return spawn(process.execPath, [CLI, ...words], {
      cwd: where,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
    });
  }
}
