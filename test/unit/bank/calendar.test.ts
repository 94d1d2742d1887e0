import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { dateOf, dayOf } from '@sluice/operation-api';
import { RuleCalendar, type CalendarRule, type CalendarRules } from '../../../plugins/platform/calendar/domain/calendar-rules.js';

const SHIPPED = (
  JSON.parse(readFileSync('plugins/platform/calendar/package.json', 'utf8')) as { sluice: { config: { defaults: CalendarRules } } }
).sluice.config.defaults;
const BANK = { institution: '*', currency: 'CNY' };

function rules(...more: readonly Partial<CalendarRule>[]): CalendarRules {
  const [base] = SHIPPED.rules;
  return { ...SHIPPED, rules: [base as CalendarRule, ...more.map((rule) => ({ ...(base as CalendarRule), ...rule }))] };
}

describe('business calendar (EX12)', () => {
  const calendar = new RuleCalendar(SHIPPED);
  const shanghai = (text: string): number => Date.parse(`${text}+08:00`);

  const working: readonly (readonly [after: string, next: string, why: string])[] = [
    ['2026-09-30', '2026-10-08', 'over the long holiday'],
    ['2026-10-09', '2026-10-10', 'a Saturday that is worked'],
    ['2026-10-10', '2026-10-12', 'then the Sunday is free'],
    ['2026-02-13', '2026-02-14', 'worked before the Spring Festival'],
    ['2026-02-14', '2026-02-24', 'over the Spring Festival'],
    ['2026-11-27', '2026-11-30', 'over a weekend'],
  ];
  for (const [after, next, why] of working) {
    it(`EX12: the next working day after ${after} is ${next}: ${why}`, () => assert.equal(calendar.nextWorkingDay(BANK, after), next));
  }

  it('EX12: a working day is itself, a holiday moves on', () => {
    assert.deepEqual(
      ['2026-10-10', '2026-10-11', '2026-10-03'].map((date) => [calendar.isWorkingDay(BANK, date), calendar.workingDay(BANK, date)]),
      [[true, '2026-10-10'], [false, '2026-10-12'], [false, '2026-10-08']], // prettier-ignore
    );
  });

  it('F11: the cut-off second itself belongs to the next date', () => {
    const early = new RuleCalendar(rules({ institution: '0101', cutOff: '17:00:00' }));
    const branch = { institution: '0101', currency: 'CNY' };
    assert.deepEqual(
      ['2026-11-25T16:59:59.999', '2026-11-25T17:00:00.000', '2026-11-25T23:59:59.999'].map((at) =>
        early.businessDate(branch, shanghai(at)),
      ),
      ['2026-11-25', '2026-11-26', '2026-11-26'],
    );
    assert.equal(early.businessDate(BANK, shanghai('2026-11-25T23:59:59.999')), '2026-11-25');
    assert.equal(early.businessDate(BANK, shanghai('2026-11-26T00:00:00.000')), '2026-11-26');
  });

  it('books on working days only where a rule says so', () => {
    const dollars = new RuleCalendar(rules({ currency: 'USD', bookedOn: 'working', cutOff: '16:00:00' }));
    const usd = { institution: '*', currency: 'USD' };
    assert.deepEqual(
      ['2026-09-30T15:59:59', '2026-09-30T16:00:00', '2026-10-03T12:00:00'].map((at) => dollars.businessDate(usd, shanghai(at))),
      ['2026-09-30', '2026-10-08', '2026-10-08'],
    );
    assert.equal(dollars.businessDate(BANK, shanghai('2026-10-03T12:00:00')), '2026-10-03');
  });

  it('the narrowest rule holds: institution and currency, institution, currency, bank', () => {
    const of = (institution: string, currency: string, hour: number): Partial<CalendarRule> => ({
      institution,
      currency,
      cutOff: `${hour}:00:00`,
    });
    const narrow = new RuleCalendar(rules(of('01', 'USD', 10), of('01', '*', 11), of('*', 'USD', 12)));
    const at = (institution: string, currency: string, hour: number): boolean =>
      narrow.businessDate({ institution, currency }, shanghai(`2026-11-25T${hour}:00:00`)) === '2026-11-26';
    assert.deepEqual(
      [at('01', 'USD', 10), at('01', 'CNY', 10), at('01', 'CNY', 11), at('02', 'USD', 11), at('02', 'USD', 12), at('02', 'CNY', 23)],
      [true, false, true, false, true, false],
    );
  });

  it('a later moment never has an earlier date, whatever the rule', () => {
    const moment = fc.integer({ min: Date.UTC(2025, 0, 1), max: Date.UTC(2027, 0, 1) });
    const seconds = fc.integer({ min: 0, max: 86_400 });
    fc.assert(
      fc.property(moment, moment, seconds, fc.constantFrom('all' as const, 'working' as const), (one, other, cutOff, bookedOn) => {
        const text = new Date(cutOff * 1000).toISOString().slice(11, 19);
        const { rules: kept, tables } = rules({ institution: '01', cutOff: cutOff === 86_400 ? '24:00:00' : text, bookedOn });
        const any = new RuleCalendar({ rules: kept, tables });
        const [early, late] = [one, other].sort((a, b) => a - b).map((at) => any.businessDate({ institution: '01', currency: 'CNY' }, at));
        assert.ok((early as string) <= (late as string));
      }),
    );
  });

  it('every date is read back, and 31 February is none', () => {
    fc.assert(fc.property(fc.integer({ min: -100_000, max: 100_000 }), (day) => assert.equal(dayOf(dateOf(day)), day)));
    assert.deepEqual(['2026-02-31', '2026-13-01', '2026-2-1', '20260201', ''].map(dayOf), Array<undefined>(5).fill(undefined));
    assert.throws(() => calendar.nextWorkingDay(BANK, '2026-02-31'), { code: 'DATE_INVALID', httpStatus: 422 });
  });

  it('refuses rules with all their mistakes at once', () => {
    const [base] = SHIPPED.rules as [CalendarRule];
    const wrong = { ...base, institution: '01', table: 'MOON', cutOff: '25:00:00' };
    assert.throws(() => new RuleCalendar({ tables: { CN: { weekend: [], holidays: ['2026-02-30'], workingDays: [] } }, rules: [wrong, wrong, { ...base, institution: '02' }] }), {
      code: 'CONFIG_INVALID',
      details: {
        mistakes: [
          `rule 01/* names the table 'MOON', which there is not`,
          `'25:00:00' is no time of day from 00:00:00 to 24:00:00`,
          `rule 01/* names the table 'MOON', which there is not`,
          `'25:00:00' is no time of day from 00:00:00 to 24:00:00`,
          `'2026-02-30' in the table 'CN' is no date`,
          `no rule is for institution '*' and currency '*', so that some moments have no date`,
          `two rules are for 01/*`,
        ],
      },
    }); // prettier-ignore
  });
});
