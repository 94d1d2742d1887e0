/** Bundle `platform.calendar`: the business calendar, from rules in configuration. A change holds from the next order on. */
import { Component, Context, defineBundle, Modified, type BundleContext, type ServiceOf } from '@sluice/sdk';
import { Calendar, type CalendarScope } from '@sluice/operation-api';
import { RuleCalendar, type CalendarRules } from './domain/calendar-rules.js';

@Component({ provides: Calendar })
class BusinessCalendar implements ServiceOf<typeof Calendar> {
  private calendar: RuleCalendar;

  constructor(@Context() context: BundleContext<CalendarRules>) {
    this.calendar = new RuleCalendar(context.config);
  }

  /** Takes changed rules; refuses rules with a mistake, so that the ones in use stay. */
  @Modified()
  configure(rules: CalendarRules): void {
    this.calendar = new RuleCalendar(rules);
  }

  businessDate(scope: CalendarScope, atMs: number): string {
    return this.calendar.businessDate(scope, atMs);
  }

  isWorkingDay(scope: CalendarScope, date: string): boolean {
    return this.calendar.isWorkingDay(scope, date);
  }

  workingDay(scope: CalendarScope, date: string): string {
    return this.calendar.workingDay(scope, date);
  }

  nextWorkingDay(scope: CalendarScope, date: string): string {
    return this.calendar.nextWorkingDay(scope, date);
  }
}

export default defineBundle({ components: [BusinessCalendar] });
