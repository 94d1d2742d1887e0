/** Builds load requests from source text, with hooks that record. */
import type { LogLevel } from '@sluice/sdk';
import { SystemClock } from '@sluice/kernel/host/clock';
import type { LoadManifest, LoadRequest, RevisionHooks, TimerPort } from '@sluice/kernel/host/ports';

/** Start of a bundle that uses the SDK. */
export const SDK = "const { defineBundle } = require('@sluice/sdk');";
/** End of a bundle that does nothing. */
export const EMPTY = 'module.exports.default = defineBundle({});';

/** What a request may differ in. */
export interface SourceOptions {
  readonly name?: string;
  readonly version?: string;
  readonly revision?: number;
  readonly digest?: string;
  readonly builtins?: readonly string[];
  readonly hostPackages?: readonly string[];
  readonly exports?: Readonly<Record<string, string>>;
  readonly imports?: Readonly<Record<string, () => unknown>>;
  readonly entries?: Readonly<Record<string, string>>;
  readonly timers?: TimerPort;
  readonly enter?: (callback: () => void) => void;
}

/** What the hooks of a request were told. */
export interface Recorded {
  readonly printed: [LogLevel, string][];
  readonly timerErrors: unknown[];
}

/** A request for a bundle with this source. */
export function requestOf(source: string, options: SourceOptions = {}): LoadRequest & Recorded {
  const printed: [LogLevel, string][] = [];
  const timerErrors: unknown[] = [];
  const hooks: RevisionHooks = {
    timers: options.timers ?? new SystemClock(),
    timerFailed: (error) => void timerErrors.push(error),
    print: (level, message) => void printed.push([level, message]),
    ...(options.enter === undefined ? {} : { enter: options.enter }),
  };
  const manifest: LoadManifest = {
    symbolicName: options.name ?? 'test.sample',
    versionText: options.version ?? '1.0.0',
    main: 'dist/bundle.cjs',
    exports: options.exports ?? {},
    permissions: { builtins: options.builtins ?? [], hostPackages: options.hostPackages ?? [] },
  };
  const entries = new Map(
    Object.entries({ 'dist/bundle.cjs': source, ...options.entries }).map(([path, text]) => [path, Buffer.from(text)]),
  );
  const imports = new Map(Object.entries(options.imports ?? {}));
  const { revision = 1, digest = 'f'.repeat(64) } = options;
  return { entries, manifest, digest, revision, imports, hooks, printed, timerErrors };
}
