/** Two rules about versions: one version stands for one content for ever, and the way goes up. Pure. */
import { Version } from '../model/index.js';
import type { TrustProblem } from './verdict.js';

/** A content that was accepted once. */
export interface KnownVersion {
  readonly bundle: string;
  readonly version: string;
  readonly digest: string;
  /** Of a fragment: the bundle it adds to, and so changes. */
  readonly host?: string;
}

/** Names of the bundles that a content changes. */
export function namesOf({ bundle, host }: KnownVersion): readonly string[] {
  return host === undefined ? [bundle] : [bundle, host];
}

/** What the rules look at. */
export interface VersionQuestion extends KnownVersion {
  /** Digest under which this version was accepted before, if it was. */
  readonly acceptedDigest: string | undefined;
  /** Version that would be replaced: the installed one, else the highest that was ever accepted. */
  readonly replaces: string | undefined;
  readonly allowDowngrade: boolean;
}

/** What speaks against a content, as problems. */
export function judgeVersion(question: VersionQuestion): TrustProblem[] {
  const { bundle, version, digest, acceptedDigest, replaces } = question;
  const problems: TrustProblem[] = [];
  if (acceptedDigest !== undefined && acceptedDigest !== digest) {
    problems.push({
      code: 'VERSION_REUSED',
      message: `'${bundle}' ${version} was accepted before with another content`,
      remedy: 'Give changed content a new version; a version stands for one archive for ever.',
      details: { bundle, version, accepted: acceptedDigest, found: digest },
    });
  }
  if (!question.allowDowngrade && replaces !== undefined && isBelow(version, replaces)) {
    problems.push({
      code: 'VERSION_DOWNGRADE',
      message: `'${bundle}' ${version} is older than ${replaces}, which it would replace`,
      remedy: '`sluice rollback` returns to the version before; --allow-downgrade goes further down and needs the right to.',
      details: { bundle, version, replaces },
    });
  }
  return problems;
}

/** True when a version is lower than another; a text that is no version is never lower. */
export function isBelow(version: string, other: string): boolean {
  const [a, b] = [Version.tryParse(version), Version.tryParse(other)];
  return a !== undefined && b !== undefined && a.compare(b) < 0;
}
