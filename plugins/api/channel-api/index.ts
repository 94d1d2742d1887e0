/** Contracts of what channels share: the words a customer reads, and functions described as data. */
export * from './messages.js';
export * from './functions.js';
