/** Cron expressions through croner, which only computes dates here: it never starts a timer. */
import { Cron } from 'croner';
import type { CronCalendar } from '../domain/schedule.js';

/** Expressions kept compiled. Jobs of a large system fit. */
const COMPILED_MAX = 1_000;

/** The calendar of croner. */
export class CronerCalendar implements CronCalendar {
  readonly #compiled = new Map<string, Cron>();

  nextAfter(cron: string, timeZone: string, afterMs: number): number | null {
    return this.#compile(cron, timeZone).nextRun(new Date(afterMs))?.getTime() ?? null;
  }

  #compile(cron: string, timeZone: string): Cron {
    const key = `${timeZone} ${cron}`;
    let compiled = this.#compiled.get(key);
    if (compiled === undefined) {
      compiled = new Cron(cron, { timezone: timeZone, mode: '5-or-6-parts', paused: true });
      if (this.#compiled.size >= COMPILED_MAX) this.#compiled.clear();
      this.#compiled.set(key, compiled);
    }
    return compiled;
  }
}
