/**
 * The business calendar: which date a moment belongs to, and which dates are working days, by institution and currency.
 * Dates are texts `YYYY-MM-DD`. Periods are half open: the cut-off second itself belongs to the next date.
 */
import { Type, contract, syncMethod, type Static } from '@sluice/sdk';

/** Codes of the calendar. */
export const CalendarErrors = {
  /** A text that is no date of the calendar, e.g. 31 February. */
  dateInvalid: 'DATE_INVALID',
} as const;

/** Schema of a date. */
export const DateSchema = Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$', description: 'date, YYYY-MM-DD' });

/** Schema of {@link CalendarScope}. */
export const CalendarScopeSchema = Type.Object(
  {
    /** Institution of the bank; `*` for the bank as a whole. */
    institution: Type.String(),
    currency: Type.String(),
  },
  { additionalProperties: false, $id: 'CalendarScope' },
);

/** Whose calendar is asked. */
export type CalendarScope = Static<typeof CalendarScopeSchema>;

/** The bank as a whole. */
export const WHOLE_BANK = '*';

/** The calendar. All answers are computed from rules held in memory: nothing is awaited, also not inside a transaction. */
export const Calendar = contract('calendar.Calendar', '1.0.0', {
  businessDate: syncMethod(
    [CalendarScopeSchema, Type.Number()],
    DateSchema,
    'Date on which what happens at a moment (ms since 1970) is booked.',
  ),
  isWorkingDay: syncMethod(
    [CalendarScopeSchema, DateSchema],
    Type.Boolean(),
    'False on weekends and holidays, unless moved to a working day.',
  ),
  workingDay: syncMethod([CalendarScopeSchema, DateSchema], DateSchema, 'The date itself when it is a working day, else the next one.'),
  nextWorkingDay: syncMethod([CalendarScopeSchema, DateSchema], DateSchema, 'The first working day after a date.'),
});

const DAY_MS = 86_400_000;

/**
 * Days since 1970 of a date, or undefined when there is no such date (31 February, month 13, another form).
 */
export function dayOf(date: string): number | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(date);
  if (match === null) return undefined;
  const at = Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3]));
  return dateOf(at / DAY_MS) === date ? at / DAY_MS : undefined;
}

/** The date of a day since 1970. */
export function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}
