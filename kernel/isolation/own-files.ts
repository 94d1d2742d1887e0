/** Files of the kernel that run elsewhere, found by the package's name: the kernel itself may have been loaded as one file. */
import { createRequire } from 'node:module';

const kernelRequire = createRequire(__filename);

/** Path of a module of this folder, e.g. `guest/main`. */
export function ownModule(name: string): string {
  return kernelRequire.resolve(`@sluice/kernel/isolation/${name}`);
}

/** Path of a file or main module of a package the kernel depends on. */
export function packageFile(request: string): string {
  return kernelRequire.resolve(request);
}
