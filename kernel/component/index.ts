/** The component runtime: what the life cycle may import. */
export { ComponentRuntime } from './runtime.js';
export type { ComponentContext, ComponentDescription, ComponentRuntimeOptions, ComponentState, ReferenceDescription } from './types.js';
