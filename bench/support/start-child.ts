/** One contender of the process start, in a process of its own: starts from its folder, says ready, ends when its input does. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

// Loaded inside, one by one: what one contender needs must not cost another.
const CONTENDERS: Readonly<Record<string, (folder: string) => Promise<() => Promise<unknown>>>> = {
  async ours(folder) {
    const { startKernel } = require('@sluice/kernel/host/start') as typeof import('@sluice/kernel/host/start');
    const kernel = await startKernel({ dataFolder: folder, watchMs: 0 });
    const { active, total } = kernel.runtime.status().bundles;
    if (active !== total || total === 0) throw new Error(`${active} of ${total} bundles are active`);
    return () => kernel.close();
  },
  async cordis(folder) {
    const { cordis } = peers();
    const runtime = await cordis.start(sourcesIn(folder));
    return () => runtime.close();
  },
  async floor(folder) {
    const { floor } = peers();
    const runtime = await floor.start(sourcesIn(folder));
    return () => runtime.close();
  },
  nothing: () => Promise.resolve(() => Promise.resolve()),
};

function peers(): typeof import('./plugin-runtimes.js') {
  return require('./plugin-runtimes.js') as typeof import('./plugin-runtimes.js');
}

function sourcesIn(folder: string): string[] {
  return readdirSync(folder)
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .map((name) => readFileSync(join(folder, name), 'utf8'));
}

async function main(): Promise<void> {
  const [, , name = '', folder = ''] = process.argv;
  const close = await CONTENDERS[name]?.(folder);
  process.stdout.write('ready\n');
  process.stdin.resume();
  process.stdin.once('end', () => void close?.().then(() => process.exit(0)));
}

void main();
