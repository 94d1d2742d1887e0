/** Contracts of the money pipeline: orders and their states, steps that decide by value, and the executor that alone acts. */
export * from './errors.js';
export * from './order.js';
export * from './step.js';
export * from './entity.js';
export * from './pipeline.js';
