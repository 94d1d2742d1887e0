/**
 * The business calendar as a pure function of rules: cut-off, weekends, holidays and moved working days, by institution and currency.
 * Always holds: of two moments the later one never has the earlier date, and the cut-off second itself belongs to the next date.
 */
import { SluiceError } from '@sluice/sdk';
import { CalendarErrors, dateOf, dayOf, WHOLE_BANK, type CalendarScope } from '@sluice/operation-api';

/** Which days of a country are working days. */
export interface HolidayTable {
  /** Days of the week without work, 1 Monday to 7 Sunday. */
  readonly weekend: readonly number[];
  /** Dates without work. */
  readonly holidays: readonly string[];
  /** Dates of a weekend that are worked all the same. */
  readonly workingDays: readonly string[];
}

/** What holds for an institution and a currency; `*` is any. */
export interface CalendarRule {
  readonly institution: string;
  readonly currency: string;
  /** Name of a holiday table. */
  readonly table: string;
  /** Local time `HH:MM:SS` from which on the next date counts; `24:00:00` is midnight. */
  readonly cutOff: string;
  /** Minutes by which local time is ahead of UTC. */
  readonly utcOffsetMinutes: number;
  /** `all`: every calendar date is booked on, as a bank does that never closes. `working`: what comes on a holiday counts for the next working day. */
  readonly bookedOn: 'all' | 'working';
}

/** All rules. */
export interface CalendarRules {
  readonly tables: Readonly<Record<string, HolidayTable>>;
  readonly rules: readonly CalendarRule[];
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A working day is found within this many days, or the table is wrong. */
const SEARCH_DAYS_MAX = 60;

/** Days of one table, ready to be asked. */
interface Days {
  readonly weekend: ReadonlySet<number>;
  readonly holidays: ReadonlySet<number>;
  readonly workingDays: ReadonlySet<number>;
}

interface PreparedRule extends CalendarRule {
  readonly cutOffMs: number;
  readonly days: Days;
}

/** Answers from rules. */
export class RuleCalendar {
  readonly #rules: readonly PreparedRule[];
  readonly #chosen = new Map<string, PreparedRule>();

  /** @throws SluiceError `CONFIG_INVALID` with all mistakes in the rules. */
  constructor({ tables, rules }: CalendarRules) {
    const mistakes: string[] = [];
    this.#rules = rules.map((rule) => prepared(rule, tables, mistakes));
    if (!rules.some(({ institution, currency }) => institution === WHOLE_BANK && currency === WHOLE_BANK)) {
      mistakes.push(`no rule is for institution '*' and currency '*', so that some moments have no date`);
    }
    const seen = new Set<string>();
    for (const { institution, currency } of rules) {
      const scope = `${institution}/${currency}`;
      if (seen.has(scope)) mistakes.push(`two rules are for ${scope}`);
      seen.add(scope);
    }
    if (mistakes.length === 0) return;
    throw new SluiceError('CONFIG_INVALID', `Configuration of platform.calendar not taken: ${mistakes.join('; ')}`, {
      details: { mistakes },
      remedy: 'Correct every rule named above; the calendar in use stays as it is until then.',
    });
  }

  businessDate(scope: CalendarScope, atMs: number): string {
    const rule = this.#rule(scope);
    const localMs = atMs + rule.utcOffsetMinutes * MINUTE_MS;
    const day = Math.floor(localMs / DAY_MS);
    const booked = localMs - day * DAY_MS >= rule.cutOffMs ? day + 1 : day;
    return dateOf(rule.bookedOn === 'all' ? booked : firstWorkingDay(rule.days, booked));
  }

  isWorkingDay(scope: CalendarScope, date: string): boolean {
    return isWorkingDay(this.#rule(scope).days, requireDay(date));
  }

  workingDay(scope: CalendarScope, date: string): string {
    return dateOf(firstWorkingDay(this.#rule(scope).days, requireDay(date)));
  }

  nextWorkingDay(scope: CalendarScope, date: string): string {
    return dateOf(firstWorkingDay(this.#rule(scope).days, requireDay(date) + 1));
  }

  /** The narrowest rule: institution and currency, institution, currency, whole bank. */
  #rule({ institution, currency }: CalendarScope): PreparedRule {
    const key = `${institution}/${currency}`;
    const known = this.#chosen.get(key);
    if (known !== undefined) return known;
    const wanted = [
      [institution, currency],
      [institution, WHOLE_BANK],
      [WHOLE_BANK, currency],
      [WHOLE_BANK, WHOLE_BANK],
    ] as const;
    const found = wanted
      .map(([place, money]) => this.#rules.find((rule) => rule.institution === place && rule.currency === money))
      .find((rule) => rule !== undefined) as PreparedRule;
    if (this.#chosen.size < SCOPES_KEPT_MAX) this.#chosen.set(key, found);
    return found;
  }
}

/** Scopes whose rule is remembered: institutions times currencies of a large bank. */
const SCOPES_KEPT_MAX = 10_000;

function prepared(rule: CalendarRule, tables: CalendarRules['tables'], mistakes: string[]): PreparedRule {
  const table = Object.hasOwn(tables, rule.table) ? tables[rule.table] : undefined;
  if (table === undefined) mistakes.push(`rule ${rule.institution}/${rule.currency} names the table '${rule.table}', which there is not`);
  const cutOffMs = timeOfDayMs(rule.cutOff);
  if (cutOffMs === undefined) mistakes.push(`'${rule.cutOff}' is no time of day from 00:00:00 to 24:00:00`);
  const days = (dates: readonly string[] = []): ReadonlySet<number> =>
    new Set(
      dates.map((date) => {
        const day = dayOf(date);
        if (day === undefined) mistakes.push(`'${date}' in the table '${rule.table}' is no date`);
        return day ?? 0;
      }),
    );
  return {
    ...rule,
    cutOffMs: cutOffMs ?? DAY_MS,
    days: { weekend: new Set(table?.weekend), holidays: days(table?.holidays), workingDays: days(table?.workingDays) },
  };
}

function timeOfDayMs(text: string): number | undefined {
  const match = /^(\d{2}):(\d{2}):(\d{2})$/.exec(text);
  if (match === null) return undefined;
  const [hours, minutes, seconds] = match.slice(1).map(Number) as [number, number, number];
  const ms = ((hours * 60 + minutes) * 60 + seconds) * 1_000;
  return minutes < 60 && seconds < 60 && ms <= DAY_MS ? ms : undefined;
}

function isWorkingDay({ weekend, holidays, workingDays }: Days, day: number): boolean {
  if (workingDays.has(day)) return true;
  // 1 January 1970 was a Thursday, the fourth day of its week.
  return !holidays.has(day) && !weekend.has(((((day + 3) % 7) + 7) % 7) + 1);
}

function firstWorkingDay(days: Days, from: number): number {
  for (let day = from; day < from + SEARCH_DAYS_MAX; day += 1) if (isWorkingDay(days, day)) return day;
  throw new SluiceError('CONFIG_INVALID', `No working day within ${SEARCH_DAYS_MAX} days of ${dateOf(from)}`, {
    details: { from: dateOf(from) },
    remedy: 'Correct the holiday table.',
  });
}

function requireDay(date: string): number {
  const day = dayOf(date);
  if (day !== undefined) return day;
  throw new SluiceError(CalendarErrors.dateInvalid, `'${date}' is no date: found '${date}', expected YYYY-MM-DD of a day that exists`, {
    details: { found: date, expected: 'YYYY-MM-DD' },
    remedy: 'Correct the date.',
    httpStatus: 422,
  });
}
