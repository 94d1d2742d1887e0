/**
 * The watchdog of the kernel's thread: beats while the event loop turns, and tells what its own thread saw when it did not. Deciding what
 * becomes of the bundle is the kernel's.
 */
import { readFileSync, rmSync } from 'node:fs';
import { url as inspectorUrl } from 'node:inspector';
import { Worker } from 'node:worker_threads';
import { ownModule } from './own-files.js';
import type { LoopReport, Placed, WatchdogMessage } from './watchdog-report.js';
import type { WatchdogOrder } from './watchdog-thread.js';

const BEAT_MS = 100;

/** Where functions are laid for the watchdog to look at. */
const SUSPECTS = 'sluice.isolation.suspects';
const PLACE_TIMEOUT_MS = 2_000;

/** A running watchdog. */
export class Watchdog {
  readonly #worker: Worker;
  readonly #timer: NodeJS.Timeout;
  readonly #asked = new Map<number, (places: readonly (Placed | null)[]) => void>();
  #lastNumber = 0;

  /** @param told called after a loop, in a turn of its own. */
  constructor(reportFile: string, told: (report: LoopReport) => void) {
    const memory = new SharedArrayBuffer(8);
    const cells = new Int32Array(memory);
    const beat = (): void => {
      Atomics.add(cells, 0, 1);
      // A debugger holds the thread up for as long as somebody thinks.
      Atomics.store(cells, 1, inspectorUrl() === undefined ? 0 : 1);
    };
    beat();
    this.#timer = setInterval(beat, BEAT_MS);
    this.#timer.unref();
    const order: WatchdogOrder = { memory, reportFile };
    this.#worker = new Worker(ownModule('watchdog-thread'), { name: 'watchdog', workerData: order, env: {}, execArgv: [] });
    this.#worker.on('message', (message: WatchdogMessage) => {
      if (message.type === 'loop') return told(message.report);
      this.#asked.get(message.number)?.(message.places);
    });
    this.#worker.unref();
  }

  /** Where functions were written; null for what is no function, or is not found in time. */
  async placesOf(values: readonly unknown[]): Promise<readonly (Placed | null)[]> {
    const number = (this.#lastNumber += 1);
    const suspects = Symbol.for(SUSPECTS);
    const shared = globalThis as unknown as Record<symbol, unknown>;
    shared[suspects] = values;
    const answer = new Promise<readonly (Placed | null)[]>((resolve) => {
      this.#asked.set(number, resolve);
      setTimeout(() => resolve(values.map(() => null)), PLACE_TIMEOUT_MS).unref();
    });
    this.#worker.postMessage({ number, count: values.length, key: SUSPECTS }, []);
    const places = await answer;
    this.#asked.delete(number);
    delete shared[suspects];
    return places;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#worker.terminate();
  }
}

/** The report that a watchdog left when it had to end the process before; removed with reading. */
export function takeReport(reportFile: string): LoopReport | null {
  try {
    const report = JSON.parse(readFileSync(reportFile, 'utf8')) as LoopReport;
    rmSync(reportFile);
    return report;
  } catch {
    return null;
  }
}
