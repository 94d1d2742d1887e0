/** Contracts of how the bank is run: the business calendar, and the audit of all that is done. */
export * from './audit.js';
export * from './calendar.js';
