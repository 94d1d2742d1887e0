/** Manifests for tests: the smallest valid package.json, and what differs from it. */

/** A valid package.json with a changed `sluice` section and changed top-level keys. */
export function packageJson(section: Record<string, unknown> = {}, top: Record<string, unknown> = {}): Record<string, unknown> {
  return { name: '@bank/core-ledger', version: '1.2.3', ...top, sluice: { sdk: '^1.0.0', ...section } };
}
