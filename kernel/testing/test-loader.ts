/** A loader for the test kit: real artifacts are loaded for real; artifacts of test bundles yield the definition the test holds. */
import { container } from 'tsyringe';
import type { DependencyContainer } from 'tsyringe';
import { SystemClock } from '../host/clock.js';
import { createLoader } from '../host/loader.js';
import type { LoadedRevision, Loader, LoadRequest } from '../host/ports.js';
import { createTieredLoader, GUEST_LAUNCHERS } from '../isolation/index.js';
import { definitionOf } from './test-bundle.js';

/** Makes the loader. */
export function createTestLoader(): Loader {
  // Guests live in real time, whatever the clock of the kernel under test says.
  const real = createTieredLoader(createLoader(), { clock: new SystemClock(), launchers: GUEST_LAUNCHERS });
  return {
    load: (request) => loadDefinition(request) ?? real.load(request),
    mapStack: (error) => real.mapStack(error),
    settled: () => real.settled(),
  };
}

function loadDefinition(request: LoadRequest): LoadedRevision | null {
  const definition = definitionOf(request.entries);
  if (definition === undefined || request.guest !== undefined) return null;
  // A root of its own, as the real loader makes one; never a child of the global container.
  const Root = container.constructor as new () => DependencyContainer;
  const marker = {};
  return {
    definition,
    container: new Root(),
    marker,
    markerName: 'TestDefinition',
    exportsOf: () => undefined,
    pending: () => [],
    close: () => undefined,
  };
}
