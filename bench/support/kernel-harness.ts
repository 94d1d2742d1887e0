/** Builds kernels and trivial bundles for the runtime benches: N bundles, one service each, bundle k calls bundle k-1's service at start. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readArchive } from '@sluice/kernel/host/archive';
import { writeArchive } from '@sluice/kernel/host/archive-writer';
import { SystemClock } from '@sluice/kernel/host/clock';
import { MemoryCodeCache } from '@sluice/kernel/host/code-cache';
import { MemoryJournal, openJournal } from '@sluice/kernel/host/journal';
import { createLeakWatch } from '@sluice/kernel/host/leak-watch';
import { createLoader } from '@sluice/kernel/host/loader';
import { digestsInUse, recover } from '@sluice/kernel/host/recovery';
import { createSchemaChecker } from '@sluice/kernel/host/schema-check';
import { MemoryStore, openStore } from '@sluice/kernel/host/store';
import { sdkGenerations } from '@sluice/kernel/host/sdk-generations';
import { kernelVersion } from '@sluice/kernel/host/versions';
import { KernelRuntime } from '@sluice/kernel/lifecycle/kernel-runtime';

/** Source of a trivial bundle: provides a contract of its own and calls the one before it. */
function source(index: number, version: string): string {
  const needs = index === 0 ? '' : `const before = contract('bench.Service${index - 1}', '1.0.0', { value: method([], Type.Number()) });`;
  const call = index === 0 ? '' : `this.before = context.reference(before); await this.before.value();`;
  return `'use strict';
const { contract, defineBundle, method, Type } = require('@sluice/sdk');
${needs}
const mine = contract('bench.Service${index}', '1.0.0', { value: method([], Type.Number()) });
exports.default = defineBundle({
  provides: [mine],${index === 0 ? '' : '\n  requires: [before],'}
  async activate(context) {
    ${call}
    context.register(mine, { value: async () => ${index}, version: '${version}' });
  },
});
`;
}

const FUNCTIONS_OF_MODULE = 8;

/** Code of some size as a bundler packs it: modules that run once when the bundle is loaded, with functions that wait for their calls. */
export function muchCode(bytes: number): string {
  const modules: string[] = ['\n'];
  for (let length = 0, index = 0; length < bytes; index += 1) {
    const functions = Array.from({ length: FUNCTIONS_OF_MODULE }, (_, at) => {
      return `  function step${at}(list, limit) {
    const scaled = list.map((one) => one * ${index + at}).filter((one) => one > limit);
    if (scaled.length === 0) throw new Error('module ${index}, step ${at}: nothing above ' + limit);
    return { steps: ${at}, sum: scaled.reduce((sum, one) => sum + one, 0) };
  }
`;
    });
    const names = functions.map((_, at) => `step${at}`).join(', ');
    const text = `const module${index} = ((table) => {\n${functions.join('')}  return Object.assign(table, { ${names} });\n})({});\n`;
    modules.push(text);
    length += text.length;
  }
  return modules.join('');
}

/**
 * Artifact of trivial bundle `index`.
 * @param more code that it has besides.
 */
export function trivialBundle(index: number, version = '1.0.0', more = ''): Buffer {
  const requires = index === 0 ? {} : { requires: [{ contract: `bench.Service${index - 1}`, range: '^1.0.0' }] };
  const packageJson = {
    name: `@bench/bundle-${index}`,
    version,
    sluice: {
      sdk: '^1.0.0',
      symbolicName: `bench.bundle-${index}`,
      provides: [{ contract: `bench.Service${index}`, version: '1.0.0' }],
      ...requires,
    },
  };
  return writeArchive({ 'package.json': JSON.stringify(packageJson), 'dist/bundle.cjs': source(index, version) + more });
}

/** A kernel in memory, or durable in a folder. */
export async function bootKernel(folder: string | null): Promise<KernelRuntime> {
  const clock = new SystemClock();
  const store = folder === null ? new MemoryStore() : await openStore(folder);
  const journal = folder === null ? new MemoryJournal() : await openJournal(folder);
  const kernel = new KernelRuntime({
    version: kernelVersion(),
    sdkVersions: sdkGenerations().map((one) => one.version),
    ports: { clock, store, journal, loader: createLoader({ codeCache: new MemoryCodeCache() }), leakWatch: createLeakWatch() },
    readArchive,
    checkSchema: createSchemaChecker(),
    dataFolder: (name) => {
      const path = join(folder ?? '/tmp/sluice-bench', name);
      mkdirSync(path, { recursive: true });
      return path;
    },
    writeBackup: () => Promise.reject(new Error('no backup in a bench')),
    watchMs: 0,
  });
  const digests = digestsInUse(journal.view);
  await kernel.boot(recover(journal.view, { now: clock.now(), hasBlob: (digest) => digests.has(digest), pointer: null }));
  return kernel;
}

/** Deploys and expects it to be committed. */
export async function deployAll(kernel: KernelRuntime, artifacts: readonly Buffer[]): Promise<void> {
  const outcome = await kernel.deploy(artifacts, { actor: 'bench', watchMs: 0 });
  if (outcome.outcome !== 'committed') throw new Error(outcome.error?.message ?? outcome.outcome);
}

/** A new folder under the temporary folder, and the function that removes it. */
export function temporaryFolder(): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
