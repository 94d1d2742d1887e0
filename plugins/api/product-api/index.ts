/** Contracts of what the bank does for a customer, the same for every channel: accounts and transfers. */
export * from './errors.js';
export * from './accounts.js';
export * from './transfers.js';
