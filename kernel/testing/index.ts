/** The test kit: the real engine on virtual time, bundles written down in a test, and the leak guard. */
export { fakeConfig, type FakeConfig } from './fakes/config.js';
export { fakeEvents, type FakeEvents } from './fakes/events.js';
export { fakeScheduler, type FakeScheduler } from './fakes/scheduler.js';
export { serveHttp } from './http.js';
export { SimulatedDisk, type CrashKind, type DiskErrorCode, type DiskOperation, type DiskOperationKind } from './simulated-disk.js';
export { artifactOf, forgetDefinitions, type TestBundle } from './test-bundle.js';
export { createTestLoader } from './test-loader.js';
export { TestRuntime, type Deployable, type TestRuntimeOptions } from './test-runtime.js';
export { settle, VirtualClock } from './virtual-clock.js';
