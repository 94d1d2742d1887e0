/** Tells whether this command line runs from a checkout of the project or from an installed package, and where. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Root of the kernel package this file belongs to. */
export const KERNEL_ROOT = resolve(__dirname, '..', '..');

/** Root of the checkout, or undefined for an installed package. */
export function checkoutRoot(): string | undefined {
  const root = resolve(KERNEL_ROOT, '..');
  return existsSync(join(root, 'sdk', 'package.json')) && existsSync(join(root, 'tsconfig.base.json')) ? root : undefined;
}

/** Version of a package of this project or of one installed beside it. */
export function packageVersion(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
}
