/** The test kit: the real engine on virtual time, bundles written down in a test, and the leak guard. */
export { fakeConfig, type FakeConfig } from './fakes/config.js';
export { fakeEvents, type FakeEvents } from './fakes/events.js';
export { fakeScheduler, type FakeScheduler } from './fakes/scheduler.js';
export { serveHttp } from './http.js';
export { artifactOf, forgetDefinitions, type TestBundle } from './test-bundle.js';
export { TestRuntime, type Deployable, type TestRuntimeOptions } from './test-runtime.js';
export { settle, VirtualClock } from './virtual-clock.js';
