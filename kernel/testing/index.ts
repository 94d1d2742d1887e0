/** The test kit: the real engine on virtual time, bundles written down in a test, and the leak guard. */
export { artifactOf, forgetDefinitions, type TestBundle } from './test-bundle.js';
export { TestRuntime, type Deployable, type TestRuntimeOptions } from './test-runtime.js';
export { settle, VirtualClock } from './virtual-clock.js';
