/** Contracts of the cores: what a ledger shows, how it is filled, and what the money pipeline needs of the embedded one. */
export * from './currency.js';
export * from './errors.js';
export * from './accounts.js';
export * from './ledger.js';
export * from './embedded.js';
