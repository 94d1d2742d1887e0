/** Public surface of the admin protocol. */
export * from './client.js';
export * from './contract.js';
export * from './exit-codes.js';
export { startAdminServer, type AdminServer } from './server.js';
