/**
 * Loading a bundle of 200 kB when its code cache is there: from verified bytes to its evaluated exports, in a class space of its own. Beside
 * it what V8 alone takes for the same text: `vm.compileFunction` with the same cached data, and calling it.
 * Each text is loaded once, and another process made the caches: V8 remembers what it compiled. The two take turns; figures are medians.
 *
 *   node build/bench/load.js [--rounds 200]
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compileFunction } from 'node:vm';
import { readArchive } from '@sluice/kernel/host/archive';
import { createFileCodeCache } from '@sluice/kernel/host/code-cache';
import { createLoader } from '@sluice/kernel/host/loader';
import type { Loader, LoadRequest } from '@sluice/kernel/host/ports';
import { digestOf } from '@sluice/kernel/host/store';
import { parseManifest } from '@sluice/kernel/model/index';
import { printTable, rowOf } from './support/figures.js';
import { muchCode, temporaryFolder, trivialBundle } from './support/kernel-harness.js';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '200' }, fill: { type: 'string' } },
});
const WARM_UP_ROUNDS = 20;
const CODE_BYTES = 200 * 1024;
const PARAMETERS = ['exports', 'require', 'module'];
/** As where the bar was set: 1.8 ms where bare took 1.38. */
const BAR_TO_BARE = 1.8 / 1.38;

interface Sample {
  readonly request: LoadRequest;
  readonly source: string;
  /** Where V8's cached data of the bare text is. */
  readonly bareCache: string;
}

function samples(folder: string): Sample[] {
  const code = muchCode(CODE_BYTES);
  return Array.from({ length: WARM_UP_ROUNDS + Number(options.rounds) }, (_, round) => {
    const request = requestFor(trivialBundle(0, `1.0.${round}`, code));
    const source = Buffer.from(request.entries.get('dist/bundle.cjs') ?? '').toString();
    return { request, source, bareCache: join(folder, `bare-${round}`) };
  });
}

function requestFor(artifact: Buffer): LoadRequest {
  const { packageJson, entries } = readArchive(artifact);
  const parsed = parseManifest(packageJson);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes));
  const hooks = { timers: globalThis, timerFailed: () => undefined, print: () => undefined } as unknown as LoadRequest['hooks'];
  return { entries, manifest: parsed.manifest, digest: digestOf(artifact), revision: 1, imports: new Map(), hooks };
}

function loaderIn(folder: string): Loader {
  return createLoader({ codeCache: createFileCodeCache(join(folder, 'ours')) });
}

async function fill(folder: string): Promise<void> {
  const loader = loaderIn(folder);
  for (const { request, source, bareCache } of samples(folder)) {
    loader.load(request).close();
    const produced = compileFunction(source, PARAMETERS, { filename: 'bare.js', produceCachedData: true });
    writeFileSync(bareCache, (produced as { cachedData?: Buffer }).cachedData ?? '');
  }
  await loader.settled();
}

/** Compiles with cached data from a file and calls what comes out. */
function bareLoad(source: string, cacheFile: string): unknown {
  const cachedData = readFileSync(cacheFile);
  const compiled = compileFunction(source, PARAMETERS, { filename: 'bare.js', cachedData });
  if ((compiled as { cachedDataRejected?: boolean }).cachedDataRejected === true) throw new Error('the code cache was rejected');
  const module = { exports: {} };
  (compiled as (exports: object, load: NodeJS.Require, module: object) => void)(module.exports, require, module);
  return module.exports;
}

function main(): void {
  const place = temporaryFolder();
  try {
    const args = [__filename, '--fill', place.folder, '--rounds', options.rounds];
    if (spawnSync(process.execPath, args, { stdio: 'inherit' }).status !== 0) throw new Error('the caches were not made');
    const loader = loaderIn(place.folder);
    const [ours, bare]: [number[], number[]] = [[], []];
    for (const [round, { request, source, bareCache }] of samples(place.folder).entries()) {
      const startedAt = performance.now();
      const revision = loader.load(request);
      const oursAt = performance.now();
      bareLoad(source, bareCache);
      const bareAt = performance.now();
      revision.close();
      if (round < WARM_UP_ROUNDS) continue;
      ours.push(oursAt - startedAt);
      bare.push(bareAt - oursAt);
    }
    const bareRow = rowOf('bare compileFunction with cached data', 'ms', bare);
    printTable('loading a bundle of 200 kB', [
      rowOf('ours', 'ms', ours, { peer: { name: 'bare', value: bareRow.value }, bar: BAR_TO_BARE * bareRow.value }),
      bareRow,
    ]);
  } finally {
    place.remove();
  }
}

if (options.fill === undefined) main();
else void fill(options.fill);
