/**
 * The loader of a kernel with tiers: evaluates inline bundles as before, and gives every other revision a guest. What it returns for
 * those is a definition whose code is of the kernel; the bundle's own code never enters this isolate.
 */
import type { Loader } from '../host/ports.js';
import type { IsolationPorts } from './isolation-ports.js';

/** Makes the loader. */
export function createTieredLoader(inline: Loader, ports: IsolationPorts): Loader {
  let markers = 0;
  return {
    load: (request) => {
      const { guest } = request;
      if (guest === undefined) return inline.load(request);
      markers += 1;
      // Loaded with the first guest: most kernels have none, and each module costs the start of all.
      const { RemoteRevision } = require('./remote-revision.js') as typeof import('./remote-revision.js');
      return new RemoteRevision({ ...request, guest }, ports, markers);
    },
    compileAhead: (artifact) => inline.compileAhead?.(artifact),
    mapStack: (error) => inline.mapStack(error),
    settled: () => inline.settled(),
  };
}
