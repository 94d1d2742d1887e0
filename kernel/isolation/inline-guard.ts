/**
 * What stands between inline bundles in one process: the watchdog over endless loops, the seal of the built-ins, and whoever asks whose
 * fault an uncaught error is. Names the bundle where it can be told, and says so where it cannot. No wall: see docs/isolation.md.
 */
import { SluiceError } from '@sluice/sdk';
import { PrototypeSeal, type Tampering } from './prototype-seal.js';
import { RestartBudget } from './restart-budget.js';
import { takeReport, Watchdog } from './watchdog.js';
import { culpritOf, stackOf, type Culprit, type LoopReport } from './watchdog-report.js';

/** What the guard needs of the kernel. */
export interface GuardedKernel {
  /** Stops a bundle for what it did. */
  quarantine(bundle: string, version: string, error: SluiceError): void;
  /** Tells operators what is no single bundle's fault, or what follows from one's. */
  alarm(problem: { code: string; message: string; remedy?: string; details: Record<string, unknown> }): void;
  /** The stack of an error in the sources. */
  mapStack(error: unknown): string;
  log(level: 'warn' | 'error', bundle: string | null, version: string | null, message: string, fields: Record<string, unknown>): void;
}

const SEAL_CHECK_MS = 500;
/** A frame of a bundle in a stack as the loader maps it, or as V8 wrote it. */
const BUNDLE_FRAME = /bundle:\/\/([^@/\s]+)@([^/\s]+)\//;

/** See the head of the file. */
export class InlineGuard {
  readonly #kernel: GuardedKernel;
  readonly #watchdog: Watchdog;
  readonly #seal: PrototypeSeal;
  readonly #timer: NodeJS.Timeout;
  readonly #budgets = new Map<string, RestartBudget>();

  /** Begins to guard this process. The seal cannot be taken off again. */
  constructor(kernel: GuardedKernel, reportFile: string) {
    this.#kernel = kernel;
    this.#watchdog = new Watchdog(reportFile, (report) => this.#looped(report));
    this.#seal = PrototypeSeal.close();
    this.#timer = setInterval(() => this.#checkSeal(), SEAL_CHECK_MS);
    this.#timer.unref();
    process.on('unhandledRejection', this.#rejected);
    process.on('uncaughtException', this.#threw);
  }

  /** What a process before this one was ended for; told once. */
  static loopBefore(reportFile: string): { readonly bundle: string; readonly version: string; readonly error: SluiceError } | null {
    const report = takeReport(reportFile);
    const culprit = report === null ? null : culpritOf(report.frames);
    if (report === null || culprit === null) return null;
    return { bundle: culprit.bundle, version: culprit.version, error: loopError(culprit, placeOf(culprit), report) };
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    process.off('unhandledRejection', this.#rejected);
    process.off('uncaughtException', this.#threw);
    await this.#watchdog.close();
  }

  #looped(report: LoopReport): void {
    const stack = Object.assign(new Error('endless loop'), { stack: stackOf(report.frames) });
    const mapped = this.#kernel.mapStack(stack);
    const culprit = culpritOf(report.frames);
    if (culprit === null) {
      return this.#kernel.log('warn', null, null, `The event loop did not turn for ${report.silentMs} ms`, { stack: mapped });
    }
    const place = /\(?(\S+:\d+:\d+)\)?$/m.exec(mapped.split('\n').slice(1 + report.frames.indexOf(culprit.frame))[0] ?? '')?.[1];
    const error = loopError(culprit, place ?? placeOf(culprit), report);
    this.#kernel.log('error', culprit.bundle, culprit.version, error.message, { stack: mapped });
    this.#kernel.quarantine(culprit.bundle, culprit.version, error);
    this.#kernel.alarm({
      code: 'PROCESS_TAINTED',
      message: `Code of '${culprit.bundle}' was ended in the middle: what it held (locks, half-written state) was not given back`,
      remedy: `Replace the process when it suits: 'sluice upgrade', or stop and start it.`,
      details: { bundle: culprit.bundle, version: culprit.version },
    });
  }

  #checkSeal(): void {
    const found = this.#seal.check();
    if (found.length === 0) return;
    void this.#watchdog.placesOf(found.map((one) => one.found)).then((places) => {
      const named = places.map((place) => BUNDLE_FRAME.exec(place?.url ?? ''));
      for (const [at, tampering] of found.entries()) this.#tampered(tampering, named[at] ?? null, places[at]?.line ?? null);
    });
  }

  #tampered({ member }: Tampering, named: RegExpExecArray | null, line: number | null): void {
    const [, bundle, version] = named ?? [];
    const who = bundle === undefined ? 'it cannot be told by whom' : `by '${bundle}' ${version} (line ${line})`;
    const message = `'${member}', which all inline bundles share, was overwritten ${who}; it is put back`;
    if (bundle === undefined || version === undefined) {
      this.#kernel.alarm({
        code: 'BUILTIN_TAMPERED',
        message,
        details: { member },
        remedy: `'sluice history' shows what was deployed last.`,
      });
      return;
    }
    const remedy = 'Remove what overwrites it, often a polyfill, or run the bundle in a tier of its own.';
    const error = new SluiceError('BUILTIN_TAMPERED', message, { details: { member, bundle, version, line }, remedy });
    this.#kernel.quarantine(bundle, version, error);
  }

  readonly #rejected = (reason: unknown): void => void this.#stray('A promise was rejected and nobody handled it', reason);

  readonly #threw = (error: unknown): void => {
    if (this.#stray('An error was thrown where nobody catches it', error)) return;
    // Not a bundle's: Node's own rule holds, after its own words.
    process.stderr.write(`${this.#kernel.mapStack(error)}\n`);
    process.exit(1);
  };

  /** Tells a fault to its bundle; five in a minute are enough. False when no bundle is on its stack. */
  #stray(what: string, error: unknown): boolean {
    const raw = error instanceof Error ? (error.stack ?? '') : '';
    const stack = this.#kernel.mapStack(error);
    const [, bundle, version] = BUNDLE_FRAME.exec(raw) ?? BUNDLE_FRAME.exec(stack) ?? [];
    if (bundle === undefined || version === undefined) {
      this.#kernel.log('error', null, null, what, { error: stack });
      return false;
    }
    this.#kernel.log('error', bundle, version, what, { error: stack });
    const key = `${bundle}@${version}`;
    let budget = this.#budgets.get(key);
    if (budget === undefined) this.#budgets.set(key, (budget = new RestartBudget()));
    if (budget.failed(performance.now()) !== null) return true;
    this.#budgets.delete(key);
    this.#kernel.quarantine(
      bundle,
      version,
      new SluiceError('STRAY_ERRORS', `'${bundle}' ${version} left five errors without a handler within a minute`, {
        details: { bundle, version },
        remedy: 'Its log has each of them with its place. Await every promise, and listen to `error` of every emitter.',
      }),
    );
    return true;
  }
}

function placeOf({ frame }: Culprit): string {
  return `${frame.url}:${frame.line}:${frame.column}`;
}

function loopError({ bundle, version, frame }: Culprit, place: string, { silentMs }: LoopReport): SluiceError {
  const name = frame.functionName === '' ? 'a function without a name' : `function '${frame.functionName}'`;
  return new SluiceError('ENDLESS_LOOP', `'${bundle}' ${version} held the whole process up for ${silentMs} ms in ${name} at ${place}`, {
    details: { bundle, version, function: frame.functionName, place, silentMs },
    remedy: 'Give the loop an end or an await, or run the bundle in a tier of its own (--tier worker).',
    httpStatus: 503,
  });
}
