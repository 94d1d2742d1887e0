/** Public surface of the SDK. Everything exported here is a promise; `docs/reference/sdk.api.md` reports every change of it. */
export * from './bundle.js';
export * from './component.js';
export * from './config-plugin.js';
export * from './context.js';
export * from './contract.js';
export * from './data.js';
export * from './error.js';
export * from './events.js';
export * from './health.js';
export * from './host.js';
export * from './http.js';
export * from './manifest.js';
export * from './metatype.js';
export * from './scheduler.js';
export * from './schema.js';
export * from './service.js';
export * from './system.js';
