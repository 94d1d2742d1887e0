/** The `sluice` command as a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

const COMMAND = resolve('kernel/bin/sluice.cjs');

const running = new Set<ChildProcess>();

/** Starts the command. */
export function spawnSluice(folder: string, words: readonly string[]): ChildProcess {
  const env = { ...process.env, NO_COLOR: '1', SLUICE_DATA: undefined, SLUICE_BUNDLES: undefined };
  const child = spawn(process.execPath, [COMMAND, ...words], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.on('close', () => running.delete(child));
  return child;
}

/** Ends what a failed test left running, in order, so that each ends its own children. */
export async function endAll(): Promise<void> {
  await Promise.all([...running].map(interrupt));
}

/** Runs the command to its end. */
export async function sluice(
  folder: string,
  ...words: readonly string[]
): Promise<{ readonly code: number | null; readonly out: string; readonly errors: string }> {
  const child = spawnSluice(folder, words);
  const texts = { out: '', errors: '' };
  child.stdout?.on('data', (chunk: Buffer) => (texts.out += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (texts.errors += chunk.toString()));
  const code = await new Promise<number | null>((done) => child.on('close', done));
  return { code, ...texts };
}

/** Resolves with the first line of standard output that fits; rejects when the process ends before. */
export function lineOf(child: ChildProcess, fits: (line: string) => boolean): Promise<string> {
  return new Promise((done, fail) => {
    if (child.stdout === null) return fail(new Error('no output'));
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      if (fits(line)) {
        lines.close();
        child.stdout?.resume();
        done(line);
      }
    });
    child.on('close', (code) => fail(new Error(`ended with ${code} before the line came`)));
  });
}

/** Interrupts a process and waits for its exit code. */
export async function interrupt(child: ChildProcess): Promise<number | null> {
  const closed = new Promise<number | null>((done) => child.on('close', done));
  child.kill('SIGINT');
  return closed;
}
