/**
 * The `process` that the code of a bundle sees: harmless facts as they are, an empty environment, and a refusal for everything that would
 * act on the whole process. A seat belt against honest mistakes, not a wall: `globalThis.process` is still there.
 */
import { SluiceError } from '@sluice/sdk';

const NO_VARIABLES: Readonly<Record<string, string>> = Object.freeze({});

/** Would end, signal, move or patch the process of all bundles. */
const REFUSED = [
  'exit',
  'reallyExit',
  'kill',
  'abort',
  'chdir',
  'dlopen',
  'binding',
  'umask',
  'setuid',
  'setgid',
  'setUncaughtExceptionCaptureCallback',
  'on',
  'once',
  'addListener',
  'prependListener',
  'emit',
] as const;

const LISTENING = new Set<string>(['on', 'once', 'addListener', 'prependListener', 'emit']);

/** See the head of the file. */
export class ShadowProcess {
  readonly #bundle: string;
  readonly #print: (text: string) => void;

  constructor(bundle: string, print: (text: string) => void) {
    this.#bundle = bundle;
    this.#print = print;
  }

  get env(): Readonly<Record<string, string>> {
    return NO_VARIABLES;
  }
  get argv(): readonly string[] {
    return [];
  }
  get execArgv(): readonly string[] {
    return [];
  }
  get version(): string {
    return process.version;
  }
  get versions(): NodeJS.ProcessVersions {
    return process.versions;
  }
  get release(): NodeJS.ProcessRelease {
    return process.release;
  }
  get platform(): NodeJS.Platform {
    return process.platform;
  }
  get arch(): string {
    return process.arch;
  }
  get pid(): number {
    return process.pid;
  }
  get title(): string {
    return this.#bundle;
  }
  get hrtime(): NodeJS.HRTime {
    return process.hrtime;
  }
  get memoryUsage(): NodeJS.MemoryUsageFn {
    return process.memoryUsage;
  }
  get nextTick(): NodeJS.Process['nextTick'] {
    return process.nextTick;
  }
  get stdout(): object {
    return this.#stream();
  }
  get stderr(): object {
    return this.#stream();
  }
  uptime(): number {
    return process.uptime();
  }
  cwd(): string {
    return process.cwd();
  }
  cpuUsage(previous?: NodeJS.CpuUsage): NodeJS.CpuUsage {
    return process.cpuUsage(previous);
  }
  emitWarning(warning: string | Error): void {
    this.#print(warning instanceof Error ? warning.message : warning);
  }
  // Libraries take their listeners off without having put any on; there never are any.
  off(): this {
    return this;
  }
  removeListener(): this {
    return this;
  }
  removeAllListeners(): this {
    return this;
  }
  listenerCount(): number {
    return 0;
  }
  listeners(): readonly never[] {
    return [];
  }
  get [Symbol.toStringTag](): string {
    return 'process';
  }

  #stream(): object {
    const write = (text: unknown): boolean => {
      this.#print(String(text).trimEnd());
      return true;
    };
    return Object.freeze({ isTTY: false, columns: 80, write });
  }

  /** @throws SluiceError `PROCESS_REFUSED`. */
  static refuse(shadow: ShadowProcess, name: string): never {
    const remedy = LISTENING.has(name)
      ? 'Use the signal and the scope of the bundle context; the kernel tells a bundle when to stop.'
      : 'Throw an error, or ask the operator; one bundle must not act on the process of all.';
    throw new SluiceError('PROCESS_REFUSED', `Bundle '${shadow.#bundle}' called process.${name}(), which would act on the whole process`, {
      details: { bundle: shadow.#bundle, name },
      remedy,
    });
  }
}

for (const name of REFUSED) {
  Object.defineProperty(ShadowProcess.prototype, name, {
    value: function refused(this: ShadowProcess): never {
      return ShadowProcess.refuse(this, name);
    },
  });
}
Object.freeze(ShadowProcess.prototype);

/** The shadow as the module `node:process`: importing it by name or as a namespace takes it apart, so each member keeps its process. */
export function processModule(shadow: ShadowProcess): object {
  const members: PropertyDescriptorMap = {};
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(ShadowProcess.prototype))) {
    if (name === 'constructor') continue;
    const method = value as ((...values: readonly unknown[]) => unknown) | undefined;
    members[name] =
      method === undefined
        ? { enumerable: true, get: () => shadow[name as keyof ShadowProcess] }
        : { enumerable: true, value: method.bind(shadow) };
  }
  return Object.freeze(Object.defineProperties({}, members));
}
