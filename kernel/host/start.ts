/**
 * Starts a kernel, from its image where there is one: the runtime and the packages it always needs as one file, together with V8's code
 * cache of it. Reading and compiling some hundred small files takes longer than everything else a start does.
 * The image only ever saves time. It is used when it was made from exactly the files that are compiled now (`npm run build` makes it);
 * otherwise, and when anything about it is wrong, the files themselves are loaded.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { Script } from 'node:vm';
import { CodeCacheFolder } from './code-cache.js';
import type { RunningKernel, StartOptions } from './runtime.js';

export type { RunningKernel, StartOptions } from './runtime.js';

type RuntimeModule = typeof import('./runtime.js');

const IMAGE = join(__dirname, '../image.cjs');
/** Its code cache, in the data folder: where the kernel is installed it may not write. */
const CACHE_FOLDER = 'kernel-code';
const ENTRY = 'kernel';

/**
 * Starts a kernel on a data folder.
 * @throws SluiceError as `startKernel` of the runtime does.
 */
export async function startKernel(options: StartOptions): Promise<RunningKernel> {
  const image = KernelImage.find(resolve(options.dataFolder));
  const kernel = await (image?.load() ?? (require('./runtime.js') as RuntimeModule)).startKernel(options);
  // After the start: the cache then has every function that a start calls.
  image?.keepCodeCache();
  return kernel;
}

/** What an image is made from: the records of the compiler, which change with every compiled file. */
export function imageStamp(): string {
  const hash = createHash('sha256');
  for (const file of [join(__dirname, '../tsconfig.tsbuildinfo'), join(dirname(require.resolve('@sluice/sdk')), 'tsconfig.tsbuildinfo')]) {
    hash.update(existsSync(file) ? readFileSync(file) : file);
  }
  return hash.digest('hex');
}

class KernelImage {
  private script: Script | undefined;
  private isCached = false;

  private constructor(
    private readonly source: string,
    private readonly digest: string,
    private readonly caches: CodeCacheFolder,
  ) {}

  /** The image, if it is there and fits what is compiled now. */
  static find(dataFolder: string): KernelImage | undefined {
    try {
      if (!existsSync(IMAGE)) return undefined;
      const bytes = readFileSync(IMAGE);
      // The first line says what it was made from, as a comment.
      if (bytes.toString('latin1', 3, 67) !== imageStamp()) return undefined;
      const digest = createHash('sha256').update(bytes).digest('hex');
      return new KernelImage(bytes.toString(), digest, new CodeCacheFolder(join(dataFolder, CACHE_FOLDER)));
    } catch {
      return undefined;
    }
  }

  /** Undefined when the image does not run: then the files do. */
  load(): RuntimeModule | undefined {
    try {
      return this.evaluate();
    } catch {
      this.script = undefined;
      return undefined;
    }
  }

  private evaluate(): RuntimeModule {
    const cachedData = this.caches.read(this.digest, ENTRY);
    const wrapped = `(function (exports, require, module, __filename, __dirname) {${this.source}\n})`;
    const script = new Script(wrapped, { filename: IMAGE, ...(cachedData === undefined ? {} : { cachedData }) });
    this.script = script;
    this.isCached = cachedData !== undefined && script.cachedDataRejected !== true;
    const module = { exports: {} };
    const run = script.runInThisContext() as (...parameters: unknown[]) => void;
    run(module.exports, createRequire(IMAGE), module, IMAGE, dirname(IMAGE));
    return module.exports as RuntimeModule;
  }

  /** Writes the code cache when there was none, in the background. A failure costs time at the next start, nothing else. */
  keepCodeCache(): void {
    const { script } = this;
    this.script = undefined;
    if (this.isCached || script === undefined) return;
    setImmediate(() => {
      void this.caches
        .write(this.digest, ENTRY, script.createCachedData())
        .then(() => this.caches.sweep(new Set([this.digest])))
        .catch(() => undefined);
    });
  }
}
