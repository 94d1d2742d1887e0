/**
 * Names of configurations: `<bundle>`, or `<bundle>@<version>` for one version of the bundle only (OSGi Compendium 8, 104.3.2: targeted
 * PIDs). Pure. The more specific one replaces the other as a whole.
 */

const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+-]{0,127}$/;

/** Name of the configuration for one version. */
export function targetedName(bundle: string, version: string): string {
  return `${bundle}@${version}`;
}

/** The symbolic name in the name of a configuration. */
export function bundleOf(name: string): string {
  const at = name.indexOf('@');
  return at < 0 ? name : name.slice(0, at);
}

/** True when what follows the symbolic name is nothing, or a version. */
export function isTarget(name: string): boolean {
  const at = name.indexOf('@');
  return at < 0 || VERSION.test(name.slice(at + 1));
}
