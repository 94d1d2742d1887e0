/**
 * Whether an artifact is approved: its signatures held against the trusted keys. Needs only the digest of the whole file, so it is asked
 * before anything of the archive is read. Pure.
 */
import type { KeyRing, TrustedKey } from './key-ring.js';
import { covers } from './name-pattern.js';
import type { KnownVersion } from './version-rules.js';
import { SIGNER_ROLES, type ArtifactSignature, type SignerRole } from './signature.js';

/** Why an artifact or one of its signatures does not count. */
export interface TrustProblem {
  readonly code: string;
  readonly message: string;
  readonly remedy?: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** What the signatures of an artifact are worth. */
export interface Verdict {
  /** Ids of the keys whose signatures count. */
  readonly build: string | null;
  readonly release: string | null;
  /** Name and version that the signers vouch for; null when no signature counts. */
  readonly claim: { readonly bundle: string; readonly version: string } | null;
  /** True when both signed, with different keys, the same name and version. */
  readonly approved: boolean;
  /** What is missing or wrong; empty when approved. */
  readonly problems: readonly TrustProblem[];
}

/** Judges the signatures of an artifact. Signatures that do not count never spoil the ones that do. */
export function judge(digest: string, signatures: readonly ArtifactSignature[], ring: KeyRing): Verdict {
  const good: Partial<Record<SignerRole, ArtifactSignature>> = {};
  const problems: TrustProblem[] = [];
  for (const signature of signatures) {
    const problem = problemWith(signature, digest, ring);
    if (problem !== null) problems.push(problem);
    else good[signature.role] ??= signature;
  }
  const { build, release } = good;
  const first = build ?? release;
  const agree = build === undefined || release === undefined || (build.bundle === release.bundle && build.version === release.version);
  const approved = build !== undefined && release !== undefined && agree && build.keyId !== release.keyId;
  if (!agree) problems.push(disagreement(build as ArtifactSignature, release as ArtifactSignature));
  for (const role of SIGNER_ROLES) if (good[role] === undefined) problems.push(missing(role, digest));
  return {
    build: build?.keyId ?? null,
    release: release?.keyId ?? null,
    claim: first === undefined || !agree ? null : { bundle: first.bundle, version: first.version },
    approved,
    problems: approved ? [] : problems,
  };
}

/** What speaks against an approved artifact once its name, and the host of a fragment, are known. */
export function judgeContent({ approved, claim, build, release }: Verdict, content: KnownVersion, ring: KeyRing): TrustProblem[] {
  if (!approved || claim === null) return [];
  const { bundle, version, host } = content;
  if (claim.bundle !== bundle || claim.version !== version) {
    return [
      {
        code: 'SIGNATURE_OTHER_NAME',
        message: `The artifact is '${bundle}' ${version}, but it was signed as '${claim.bundle}' ${claim.version}`,
        remedy: 'Sign it under its own name.',
        details: { found: `${bundle}@${version}`, signed: `${claim.bundle}@${claim.version}` },
      },
    ];
  }
  if (host === undefined) return [];
  // Who adds to a bundle changes it: a key for one family must not reach into another by a fragment.
  return [build, release].flatMap((id) => {
    const key = ring.find(id ?? '');
    if (key?.prefixes.some((prefix) => covers(prefix, host)) === true) return [];
    return [
      {
        code: 'SIGNATURE_NAME_REFUSED',
        message: `'${bundle}' adds to '${host}', which the key '${key?.name ?? ''}' may not sign`,
        details: { keyId: id, bundle, host },
      },
    ];
  });
}

function problemWith(signature: ArtifactSignature, digest: string, ring: KeyRing): TrustProblem | null {
  const { keyId, role, bundle } = signature;
  const details = { keyId, role, bundle };
  if (signature.digest !== digest) {
    return {
      code: 'SIGNATURE_OTHER_ARTIFACT',
      message: `A signature belongs to the archive ${signature.digest.slice(0, 12)}, not to ${digest.slice(0, 12)}`,
      remedy: 'The archive was changed after it was signed, or the files were mixed up. Sign this one.',
      details: { ...details, signed: signature.digest, found: digest },
    };
  }
  const key = ring.find(keyId);
  if (key === undefined) {
    return {
      code: 'SIGNATURE_KEY_UNKNOWN',
      message: `The key '${keyId}' that signed as '${role}' is not trusted`,
      remedy: '`sluice keys trust` takes its public key up, if you know whose it is.',
      details,
    };
  }
  return problemWithKey(signature, key, ring, details);
}

function problemWithKey(
  signature: ArtifactSignature,
  key: TrustedKey,
  ring: KeyRing,
  details: Readonly<Record<string, unknown>>,
): TrustProblem | null {
  const named = { ...details, key: key.name };
  if (key.revoked !== null) {
    return {
      code: 'SIGNATURE_KEY_REVOKED',
      message: `The key '${key.name}' that signed '${signature.bundle}' ${signature.version} as '${key.role}' was revoked`,
      remedy: 'Sign the artifact with a valid key after looking at it again.',
      details: { ...named, reason: key.revoked.reason },
    };
  }
  if (key.role !== signature.role) {
    return {
      code: 'SIGNATURE_ROLE_REFUSED',
      message: `The key '${key.name}' may sign as '${key.role}', not as '${signature.role}'`,
      details: named,
    };
  }
  if (!key.prefixes.some((prefix) => covers(prefix, signature.bundle))) {
    return {
      code: 'SIGNATURE_NAME_REFUSED',
      message: `The key '${key.name}' may sign ${key.prefixes.join(', ')}, not '${signature.bundle}'`,
      details: { ...named, prefixes: key.prefixes },
    };
  }
  if (ring.confirms(key, signature)) return null;
  return {
    code: 'SIGNATURE_INVALID',
    message: `The '${signature.role}' signature in the name of key '${key.name}' is false`,
    remedy: 'Treat the artifact as tampered with until you know better.',
    details: named,
  };
}

function disagreement(build: ArtifactSignature, release: ArtifactSignature): TrustProblem {
  return {
    code: 'SIGNATURE_CLAIMS_DIFFER',
    message: `Signed as '${build.bundle}' ${build.version} by build, as '${release.bundle}' ${release.version} by release`,
    details: { build: `${build.bundle}@${build.version}`, release: `${release.bundle}@${release.version}` },
  };
}

function missing(role: SignerRole, digest: string): TrustProblem {
  return {
    code: 'SIGNATURE_MISSING',
    message: `The artifact ${digest.slice(0, 12)} has no valid '${role}' signature`,
    remedy: `Sign it with \`sluice sign <artifact> --key <${role} key> --role ${role}\` and deploy it with its .sig file.`,
    details: { role, digest },
  };
}
