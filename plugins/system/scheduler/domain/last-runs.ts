/**
 * When each job was last due, over restarts: what the misfire policy and periods go by.
 * Always holds: one write at a time, the newest state last; a write that fails is reported once and tried again with the next run.
 */
import { messageOf, type Logger } from '@sluice/sdk';

/** Where the state is kept. */
export interface StatePort {
  /** The text kept, null when there is none. */
  read(): Promise<string | null>;
  write(text: string): Promise<void>;
}

/** Times by job id (`bundle/name`), milliseconds since 1970. */
export class LastRuns {
  readonly #port: StatePort;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #times: Map<string, number>;
  #writing: Promise<void> | null = null;
  #dirty = false;
  #failing = false;

  private constructor(port: StatePort, log: Pick<Logger, 'warn'>, times: Map<string, number>) {
    this.#port = port;
    this.#log = log;
    this.#times = times;
  }

  /** @param keep false for the jobs to forget, those of uninstalled bundles. */
  static async load(port: StatePort, log: Pick<Logger, 'warn'>, keep: (id: string) => boolean): Promise<LastRuns> {
    const text = await port.read();
    const times = new Map<string, number>();
    for (const [id, at] of Object.entries(parse(text, log))) if (keep(id) && Number.isFinite(at)) times.set(id, at as number);
    return new LastRuns(port, log, times);
  }

  of(id: string): number | undefined {
    return this.#times.get(id);
  }

  /** Remembers in memory only: what another revision of the scheduler does is written by that one. */
  note(id: string, at: number): void {
    this.#times.set(id, at);
  }

  /** Remembers and writes, without making anybody wait. */
  record(id: string, at: number): void {
    this.note(id, at);
    this.#dirty = true;
    this.#writing ??= this.#write().finally(() => (this.#writing = null));
  }

  /** Resolves when everything recorded is written, or could not be. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#dirty) {
      this.#dirty = false;
      try {
        await this.#port.write(
          `${JSON.stringify({ lastRuns: Object.fromEntries([...this.#times].sort(([a], [b]) => (a < b ? -1 : 1))) }, null, 2)}\n`,
        );
        this.#failing = false;
      } catch (error) {
        if (!this.#failing) {
          this.#log.warn(
            `Cannot keep the times of the last runs (${messageOf(error)}). Jobs run; after a restart missed runs may be judged wrongly`,
            { error },
          );
        }
        this.#failing = true;
      }
    }
  }
}

function parse(text: string | null, log: Pick<Logger, 'warn'>): Record<string, unknown> {
  if (text === null) return {};
  try {
    const { lastRuns } = JSON.parse(text) as { lastRuns?: unknown };
    if (typeof lastRuns === 'object' && lastRuns !== null) return lastRuns as Record<string, unknown>;
  } catch {
    // Told below like any other content that is no state.
  }
  log.warn(
    'The kept times of the last runs cannot be read. Every job counts as new, so runs missed while the system was down are not made up',
  );
  return {};
}
