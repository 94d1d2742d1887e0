/** Promises of starting from the kernel image: it runs what was compiled, is fast the second time, and is never needed. */
import { deepStrictEqual as equal } from 'node:assert';
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFile, cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { temporaryFolders } from './temporary-folder.js';

const kernelFolder = dirname(require.resolve('@sluice/kernel/package.json'));
const sdkFolder = dirname(require.resolve('@sluice/sdk/package.json'));
const modulesFolder = join(kernelFolder, '../node_modules');

/** Tells from where the runtime was loaded and whether it runs. */
const PROBE = `
const { startKernel } = require('@sluice/kernel/host/start');
startKernel({ dataFolder: process.argv[1], watchMs: 0 }).then(async (kernel) => {
  const { phase } = kernel.runtime.status();
  const files = Object.keys(require.cache).some((file) => file.endsWith('/host/runtime.js'));
  await kernel.close();
  process.stdout.write(JSON.stringify({ phase, from: files ? 'files' : 'image' }));
});
`;

describe('kernel image', function () {
  this.timeout(20_000);
  const newFolder = temporaryFolders();

  /** An installation of its own, so that what is done to it disturbs nobody. */
  async function installation(): Promise<{ kernel: string; start(): unknown; caches(): Promise<string[]> }> {
    const root = await newFolder();
    const modules = join(root, 'node_modules');
    await mkdir(join(modules, '@sluice'), { recursive: true });
    const parts = { kernel: [kernelFolder, 'package.json', 'dist', 'bin'], sdk: [sdkFolder, 'package.json', 'dist'] };
    const filter = (path: string): boolean => !path.endsWith('/dist/image.cjs');
    for (const [name, [from, ...copied]] of Object.entries(parts)) {
      for (const part of copied) await cp(join(String(from), part), join(modules, '@sluice', name, part), { recursive: true, filter });
    }
    for (const name of await readdir(modulesFolder)) if (name !== '@sluice') await symlink(join(modulesFolder, name), join(modules, name));
    const data = join(root, 'data');
    return {
      kernel: join(modules, '@sluice/kernel'),
      start() {
        const { stdout, stderr } = spawnSync(process.execPath, ['-e', PROBE, data], { cwd: root, encoding: 'utf8' });
        return stdout === '' ? stderr : JSON.parse(stdout);
      },
      caches: () => readdir(join(data, 'kernel-code')).catch(() => []),
    };
  }

  it('is used when it fits, with a code cache from the second start on', async () => {
    const { kernel, start, caches } = await installation();
    equal(start(), { phase: 'running', from: 'files' });
    equal(await caches(), []);
    execFileSync(process.execPath, [join(kernel, 'bin/build-image.cjs')]);
    equal(start(), { phase: 'running', from: 'image' });
    const first = await caches();
    equal(first.length, 1);
    equal(start(), { phase: 'running', from: 'image' });
    equal(await caches(), first);
  });

  it('is not used when something was compiled after it was made, or when it is damaged', async () => {
    const { kernel, start } = await installation();
    execFileSync(process.execPath, [join(kernel, 'bin/build-image.cjs')]);
    await writeFile(join(kernel, 'dist/image.cjs'), 'not an image');
    equal(start(), { phase: 'running', from: 'files' });
    execFileSync(process.execPath, [join(kernel, 'bin/build-image.cjs')]);
    equal(start(), { phase: 'running', from: 'image' });
    await appendFile(join(kernel, 'dist/tsconfig.tsbuildinfo'), ' ');
    equal(start(), { phase: 'running', from: 'files' });
  });
});
