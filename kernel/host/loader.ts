/**
 * Turns verified bytes into running code. Each revision is compiled as a function (`vm.compileFunction`: no other way of loading lets go of
 * old code) and evaluated in a class space of its own. Owns compiling, code caches and the stack map; starting what was loaded is the life
 * cycle's work. Whatever the code throws while it is evaluated ends as `LOAD_FAILED`, with nothing left behind.
 */
import { compileFunction } from 'node:vm';
import { isBundleDefinition, isSluiceError, messageOf, SluiceError } from '@sluice/sdk';
import type { BundleDefinition } from '@sluice/sdk';
import type { DependencyContainer } from 'tsyringe';
import { ClassSpace, SHADOWED_GLOBALS } from './class-space.js';
import type { CodeCache } from './code-cache.js';
import type { LoadedRevision, Loader, LoadManifest, LoadRequest } from './ports.js';
import { StackMap } from './stack-map.js';
import { weakenTypeInfo } from './tsyringe-facade.js';

export { CodeCacheFolder, MemoryCodeCache, type CodeCache } from './code-cache.js';

/** Below this size compiling is faster than reading a cache. */
const CACHE_SOURCE_BYTES_MIN = 8 * 1024;
const MARKER = '__sluiceRevision';
const PARAMETERS = [MARKER, ...SHADOWED_GLOBALS];
/**
 * The code becomes a function inside the compiled one, so that it may declare a `process` or `setTimeout` of its own. The parentheses make
 * V8 compile it at once, which also brings it into the code cache.
 */
const PREFIX = 'return (function (exports, require, module, __filename, __dirname) {';
/** A function that names the marker: V8 keeps it in the scope that every other function of the code is closed over. */
const SUFFIX = `\n;(() => ${MARKER});\n})`;

type Compiled = (...globals: unknown[]) => ModuleFunction;
type ModuleFunction = (exports: unknown, require: unknown, module: { exports: unknown }, file: string, folder: string) => void;

/** Options of {@link createLoader}. */
export interface LoaderOptions {
  /** Default: none; everything is compiled anew. */
  readonly codeCache?: CodeCache;
}

/** Makes a loader. The first call in a process replaces tsyringe's strong type map by a weak one. */
export function createLoader(options: LoaderOptions = {}): Loader {
  weakenTypeInfo();
  return new ClassSpaceLoader(options.codeCache);
}

class ClassSpaceLoader implements Loader {
  private readonly stackMap = new StackMap();
  private readonly writes = new Set<Promise<void>>();
  /** Weak: what is never loaded goes with its artifact. */
  private readonly ahead = new WeakMap<LoadRequest['entries'], Compiled>();
  private markers = 0;

  constructor(private readonly codeCache: CodeCache | undefined) {}

  load(request: LoadRequest): LoadedRevision {
    const { symbolicName, versionText } = request.manifest;
    this.markers += 1;
    // Not a class of its own: V8 names an object without one by its tag, which costs a string instead of a class.
    const marker = { [Symbol.toStringTag]: `SluiceRevision_${symbolicName}_${versionText}_${request.revision}_${this.markers}` };
    const revision = new Revision(this, request, marker);
    try {
      revision.start();
      return revision;
    } catch (error) {
      const failure = this.failure(request.manifest, error);
      revision.close();
      throw failure;
    }
  }

  compileAhead({ entries, manifest, digest }: Pick<LoadRequest, 'entries' | 'manifest' | 'digest'>): void {
    const { main } = manifest;
    const bytes = entries.get(main);
    if (bytes === undefined) return;
    try {
      this.ahead.set(entries, this.compile(bytes, urlOf(manifest, main), digest, main));
    } catch {
      // Compiled again when it is loaded, where the failure has somebody to tell.
    }
  }

  /** The code of an entry, for one revision: two revisions of one artifact share no function. */
  private compiled({ entries, manifest, digest }: LoadRequest, bytes: Uint8Array, url: string, entry: string): Compiled {
    const ready = entry === manifest.main ? this.ahead.get(entries) : undefined;
    this.ahead.delete(entries);
    return ready ?? this.compile(bytes, url, digest, entry);
  }

  /** Evaluates one entry of an artifact and returns its exports. */
  evaluate(request: LoadRequest, entry: string, space: ClassSpace, marker: object): unknown {
    const { manifest, entries } = request;
    const bytes = entries.get(entry);
    if (bytes === undefined) {
      throw new SluiceError(
        'BUNDLE_ENTRY_MISSING',
        `Artifact of '${manifest.symbolicName}' ${manifest.versionText} has no entry '${entry}'`,
        {
          details: { bundle: manifest.symbolicName, version: manifest.versionText, entry },
          remedy: 'Build the bundle before packing it, and check `main` in the sluice section of its package.json.',
        },
      );
    }
    const url = urlOf(manifest, entry);
    this.stackMap.add(url, entries);
    const compiled = this.compiled(request, bytes, url, entry);
    const module = { exports: {} as unknown };
    const folder = url.slice(0, url.lastIndexOf('/'));
    // As in CommonJS, `this` is the exports.
    compiled(marker, ...space.globals()).call(module.exports, module.exports, space.require, module, url, folder);
    return module.exports;
  }

  /** Forgets the source maps of an artifact's entries. */
  forget(request: LoadRequest, entries: Iterable<string>): void {
    for (const entry of entries) this.stackMap.remove(urlOf(request.manifest, entry), request.entries);
  }

  private compile(bytes: Uint8Array, url: string, digest: string, entry: string): Compiled {
    const source = PREFIX + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString() + SUFFIX;
    // The prefix stands on the first line of the code; the offset takes it out of every column.
    const options = { filename: url, columnOffset: -PREFIX.length };
    const cache = bytes.length < CACHE_SOURCE_BYTES_MIN ? undefined : this.codeCache;
    if (cache === undefined) return compileFunction(source, PARAMETERS, options) as Compiled;
    const cachedData = cache.read(digest, entry);
    if (cachedData !== undefined) {
      const compiled = compileFunction(source, PARAMETERS, { ...options, cachedData });
      if ((compiled as { cachedDataRejected?: boolean }).cachedDataRejected !== true) return compiled as Compiled;
    }
    const compiled = compileFunction(source, PARAMETERS, { ...options, produceCachedData: true });
    const produced = (compiled as { cachedData?: Buffer }).cachedData;
    if (produced !== undefined) this.writeCache(cache, digest, entry, produced);
    return compiled as Compiled;
  }

  /** In the background. A cache that cannot be written costs a compilation at the next start, nothing else. */
  private writeCache(cache: CodeCache, digest: string, entry: string, data: Buffer): void {
    const write = cache
      .write(digest, entry, data)
      .catch(() => undefined)
      .finally(() => this.writes.delete(write));
    this.writes.add(write);
  }

  private failure(manifest: LoadManifest, error: unknown): SluiceError {
    if (isSluiceError(error)) return error;
    const { symbolicName, versionText } = manifest;
    const stack = this.mapStack(error);
    const position = /bundle:\/\/\S+?:\d+(:\d+)?/.exec(stack)?.[0];
    return new SluiceError(
      'LOAD_FAILED',
      `Cannot load '${symbolicName}' ${versionText}: ${messageOf(error)}${position === undefined ? '' : ` (at ${position})`}`,
      {
        details: { bundle: symbolicName, version: versionText, position: position ?? null },
        remedy: 'The code threw while it was evaluated. Move what can fail into `activate`.',
        cause: error,
      },
    );
  }

  mapStack(error: unknown): string {
    return this.stackMap.mapStack(error);
  }

  async settled(): Promise<void> {
    while (this.writes.size > 0) await Promise.all(this.writes);
  }
}

function urlOf(manifest: LoadManifest, entry: string): string {
  return `bundle://${manifest.symbolicName}@${manifest.versionText}/${entry}`;
}

function definitionOf(manifest: LoadManifest, exports: unknown): BundleDefinition {
  const value = (exports as { default?: unknown } | null)?.default ?? exports;
  if (isBundleDefinition(value)) return value;
  const { symbolicName, versionText, main } = manifest;
  throw new SluiceError(
    'BUNDLE_EXPORT_INVALID',
    `'${main}' of '${symbolicName}' ${versionText} does not export a bundle definition by default`,
    {
      details: { bundle: symbolicName, version: versionText, entry: main, found: typeof value },
      remedy: 'End the entry file with `export default defineBundle({ ... })`.',
    },
  );
}

/** What lives until `close`, in one object, so that letting go of it lets go of everything. */
interface OpenRevision {
  readonly request: LoadRequest;
  readonly marker: object;
  readonly space: ClassSpace;
  exports: unknown;
  definition: BundleDefinition | undefined;
  /** Exports of further entries, by entry. */
  further: Map<string, unknown> | undefined;
}

class Revision implements LoadedRevision {
  readonly markerName: string;
  private open: OpenRevision | undefined;

  constructor(
    private readonly loader: ClassSpaceLoader,
    request: LoadRequest,
    marker: { readonly [Symbol.toStringTag]: string },
  ) {
    this.markerName = marker[Symbol.toStringTag];
    this.open = { request, marker, space: new ClassSpace(request), exports: undefined, definition: undefined, further: undefined };
  }

  /** Evaluates the main entry. */
  start(): void {
    const open = this.opened();
    open.exports = this.loader.evaluate(open.request, open.request.manifest.main, open.space, open.marker);
    open.definition = definitionOf(open.request.manifest, open.exports);
  }

  get definition(): BundleDefinition {
    return this.opened().definition as BundleDefinition;
  }

  get container(): DependencyContainer {
    return this.opened().space.container;
  }

  get marker(): object {
    return this.opened().marker;
  }

  exportsOf(packageName: string): unknown {
    const open = this.opened();
    const { symbolicName, versionText, exports, main } = open.request.manifest;
    const entry = exports[packageName];
    if (entry === undefined) {
      throw new SluiceError('EXPORT_UNKNOWN', `Bundle '${symbolicName}' ${versionText} does not export '${packageName}'`, {
        details: { bundle: symbolicName, version: versionText, package: packageName, exported: Object.keys(exports) },
      });
    }
    if (entry === main) return open.exports;
    const further = (open.further ??= new Map());
    if (!further.has(entry)) further.set(entry, this.loader.evaluate(open.request, entry, open.space, open.marker));
    return further.get(entry);
  }

  pending(): readonly string[] {
    return this.open?.space.pending() ?? [];
  }

  close(): void {
    if (this.open === undefined) return;
    const { request, space, further } = this.open;
    space.close();
    this.loader.forget(request, [request.manifest.main, ...(further?.keys() ?? [])]);
    this.open = undefined;
  }

  private opened(): OpenRevision {
    if (this.open !== undefined) return this.open;
    throw new SluiceError('REVISION_CLOSED', `The code of '${this.markerName}' was let go`, { details: { revision: this.markerName } });
  }
}
