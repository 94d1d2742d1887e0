/** What the watchdog saw: the stack of a loop in the kernel's thread, and whose code it was. Pure. */

/** One frame of the stack, innermost first. */
export interface LoopFrame {
  readonly functionName: string;
  /** `bundle://name@version/entry` for code of a bundle. */
  readonly url: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** A loop that was seen. */
export interface LoopReport {
  /** Wall clock, milliseconds. */
  readonly at: number;
  /** How long the event loop had not turned. */
  readonly silentMs: number;
  readonly frames: readonly LoopFrame[];
  /** `interrupted`: the code was ended, the process goes on; `killed`: the process was ended; `left`: it was not a bundle's code. */
  readonly outcome: 'interrupted' | 'killed' | 'left';
}

/** Where a function was written. */
export interface Placed {
  readonly url: string;
  readonly line: number;
  readonly column: number;
}

/** What the watchdog's thread tells. */
export type WatchdogMessage =
  | { readonly type: 'loop'; readonly report: LoopReport }
  | { readonly type: 'placed'; readonly number: number; readonly places: readonly (Placed | null)[] };

/** The bundle whose code held the loop up. */
export interface Culprit {
  readonly bundle: string;
  readonly version: string;
  readonly frame: LoopFrame;
}

const BUNDLE_URL = /^bundle:\/\/([^@/]+)@([^/]+)\//;

/** The innermost frame that is of a bundle: what a library does, it does for whoever called it. */
export function culpritOf(frames: readonly LoopFrame[]): Culprit | null {
  for (const frame of frames) {
    const [, bundle, version] = BUNDLE_URL.exec(frame.url) ?? [];
    if (bundle !== undefined && version !== undefined) return { bundle, version, frame };
  }
  return null;
}

/** The frames as a stack, for the source map. */
export function stackOf(frames: readonly LoopFrame[]): string {
  const lines = frames.map(({ functionName, url, line, column }) => {
    const place = `${url === '' ? 'node:internal' : url}:${line}:${column}`;
    return functionName === '' ? `    at ${place}` : `    at ${functionName} (${place})`;
  });
  return ['Error: endless loop', ...lines].join('\n');
}
