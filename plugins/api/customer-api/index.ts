/** Contracts of customers and of their sessions on all channels. */
export * from './errors.js';
export * from './customers.js';
export * from './opening.js';
export * from './sessions.js';
