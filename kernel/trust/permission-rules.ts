/** A new version may ask for more than the one it replaces; that is a decision of its own, and nobody makes it by the way. Pure. */
import type { Permissions } from '../model/index.js';
import type { TrustProblem } from './verdict.js';

/** Permissions of a manifest that the one before did not have, as `kind name`. */
export function addedPermissions(before: Permissions, after: Permissions): readonly string[] {
  return (Object.keys(after) as (keyof Permissions)[]).flatMap((kind) =>
    after[kind].filter((name) => !before[kind].includes(name)).map((name) => `${kind} ${name}`),
  );
}

/** What speaks against a content that asks for more. */
export function judgePermissions(
  { bundle, version, digest }: { readonly bundle: string; readonly version: string; readonly digest: string },
  added: readonly string[],
  granted: boolean,
): TrustProblem[] {
  if (added.length === 0 || granted) return [];
  return [
    {
      code: 'PERMISSION_INCREASE',
      message: `'${bundle}' ${version} asks for more than the version it would replace: ${added.join(', ')}`,
      remedy: `It waits as uploaded; whoever may approve lets it in with \`sluice deploy ${digest} --grant-permissions\`.`,
      details: { bundle, version, added, digest },
    },
  ];
}
