/**
 * Decides whether bytes may become running code: holds the signatures that came with artifacts (`<data>/trust/signatures.log`) against the
 * trusted keys as they are now, and contents against those accepted before (`versions.log`). The rules are kernel/trust's; here are the files.
 */
import type { KeyRing } from '../trust/key-ring.js';
import { refusal, type Policy } from '../trust/policy.js';
import type { ContentChange, TrustGate } from '../trust/ports.js';
import { decodeSignatures, mergeSignatures, readSignature, SIGNATURES_MAX, type ArtifactSignature } from '../trust/signature.js';
import { judge, judgeContent, type TrustProblem, type Verdict } from '../trust/verdict.js';
import { judgePermissions } from '../trust/permission-rules.js';
import { isBelow, judgeVersion, type KnownVersion } from '../trust/version-rules.js';
import { LineLog } from './line-log.js';

/** What the gate reads of the office: policy and keys as they are at the time of the question. */
interface TrustSource {
  readonly policy: Policy;
  readonly ring: KeyRing;
}

/** Opens the gate of a data folder whose `trust` folder exists. */
export function openTrustGate(dataFolder: string, source: TrustSource): FolderTrustGate {
  return new FolderTrustGate(`${dataFolder}/trust`, source);
}

/** The gate of a data folder. Made by {@link openTrustGate}. */
export class FolderTrustGate implements TrustGate {
  readonly #source: TrustSource;
  readonly #signatureLog: LineLog<ArtifactSignature>;
  readonly #versionLog: LineLog<KnownVersion>;
  readonly #signatures = new Map<string, readonly ArtifactSignature[]>();
  /** Digest by version, by bundle name. */
  readonly #versions = new Map<string, Map<string, string>>();
  readonly #decoded = new WeakMap<Uint8Array, readonly ArtifactSignature[]>();
  #lines = 0;
  #durable: Promise<void> = Promise.resolve();

  constructor(folder: string, source: TrustSource) {
    this.#source = source;
    const signatures = LineLog.open<ArtifactSignature>(folder, 'signatures.log');
    const versions = LineLog.open<KnownVersion>(folder, 'versions.log');
    this.#signatureLog = signatures.log;
    this.#versionLog = versions.log;
    this.#keep(signatures.values.flatMap((one) => readSignature(one) ?? []));
    this.#lines = signatures.values.length;
    for (const one of versions.values) if (isKnownVersion(one)) this.#know(one);
  }

  get policy(): Policy {
    return this.#source.policy;
  }

  /**
   * The verdict on an artifact with all signatures known of it.
   * @throws SluiceError `SIGNATURE_FILE_INVALID`.
   */
  verdict(digest: string, signatureFiles: readonly Uint8Array[] = []): Verdict {
    const given = this.#signaturesIn(signatureFiles).filter((one) => one.digest === digest);
    const all = mergeSignatures(this.#signatures.get(digest) ?? [], given);
    return judge(digest, all, this.#source.ring);
  }

  admit(digest: string, signatureFiles: readonly Uint8Array[]): Verdict {
    if (this.policy === 'off') return { build: null, release: null, claim: null, approved: false, problems: [] };
    const verdict = this.verdict(digest, signatureFiles);
    const [first, ...others] = verdict.problems;
    if (this.policy === 'require' && first !== undefined) throw refusal([first, ...others]);
    this.addSignatures(digest, signatureFiles);
    return verdict;
  }

  /** Keeps the signatures of a file that belong to an artifact and count. Returns how many were new. */
  addSignatures(digest: string, signatureFiles: readonly Uint8Array[]): number {
    const { ring } = this.#source;
    const known = this.#signatures.get(digest) ?? [];
    const valid = this.#signaturesIn(signatureFiles).filter(
      (one) => one.digest === digest && !known.some((old) => old.signature === one.signature) && countsIn(one, digest, ring),
    );
    if (valid.length === 0) return 0;
    this.#keep(valid);
    this.#lines += valid.length;
    const written = this.#signatureLog.append(valid, { sync: true });
    this.#durable = Promise.all([this.#durable, written]).then(() => undefined);
    // Whoever waits for it learns of a failure; nobody else is to be killed by one.
    this.#durable.catch(() => undefined);
    return valid.length;
  }

  accept(verdict: Verdict, content: KnownVersion, change: ContentChange): readonly TrustProblem[] {
    if (this.policy === 'off') return [];
    const problems = [
      ...judgeContent(verdict, content, this.#source.ring),
      ...judgeVersion({ ...content, ...this.#before(content, change) }),
      ...judgePermissions(content, change.addedPermissions, change.grantPermissions),
    ];
    const [first, ...others] = problems;
    if (this.policy === 'require' && first !== undefined) throw refusal([first, ...others]);
    return [...verdict.problems, ...problems];
  }

  #before(
    content: KnownVersion,
    change: ContentChange,
  ): { acceptedDigest: string | undefined; replaces: string | undefined; allowDowngrade: boolean } {
    const versions = this.#versions.get(content.bundle);
    return {
      acceptedDigest: versions?.get(content.version),
      replaces: change.replaces ?? highest([...(versions?.keys() ?? [])], change.singleton ? null : majorOf(content.version)),
      allowDowngrade: change.allowDowngrade,
    };
  }

  mayRun(content: KnownVersion): TrustProblem | null {
    if (this.policy !== 'require') return null;
    const verdict = this.verdict(content.digest);
    return verdict.problems[0] ?? judgeContent(verdict, content, this.#source.ring)[0] ?? null;
  }

  /** True when a signature of this content counts no more because its key was revoked. */
  isRevoked(digest: string): boolean {
    return this.verdict(digest).problems.some(({ code }) => code === 'SIGNATURE_KEY_REVOKED');
  }

  /** Digest under which a version was accepted. */
  acceptedDigest(bundle: string, version: string): string | undefined {
    return this.#versions.get(bundle)?.get(version);
  }

  remember(contents: readonly KnownVersion[]): void {
    const fresh = contents.filter((content) => this.#know(content));
    // Not synced: the journal names what is installed, and a start remembers that again.
    if (fresh.length > 0) void this.#versionLog.append(fresh, { sync: false }).catch(() => undefined);
  }

  settled(): Promise<void> {
    return this.#durable;
  }

  /** Forgets the signatures of artifacts that nothing can return to. */
  async sweep(inUse: Iterable<string>): Promise<void> {
    const used = new Set(inUse);
    for (const digest of this.#signatures.keys()) if (!used.has(digest)) this.#signatures.delete(digest);
    const left = [...this.#signatures.values()].flat();
    if (left.length === this.#lines) return;
    this.#lines = left.length;
    await this.#signatureLog.rewrite(left);
  }

  async close(): Promise<void> {
    await Promise.all([this.#signatureLog.close(), this.#versionLog.close()]);
  }

  /** Reads each file once, also when a change brings hundreds of artifacts and of signature files. */
  #signaturesIn(files: readonly Uint8Array[]): readonly ArtifactSignature[] {
    return files.flatMap((file) => {
      const known = this.#decoded.get(file);
      if (known !== undefined) return known;
      const decoded = decodeSignatures(file);
      this.#decoded.set(file, decoded);
      return decoded;
    });
  }

  #keep(signatures: readonly ArtifactSignature[]): void {
    for (const one of signatures) {
      const merged = mergeSignatures(this.#signatures.get(one.digest) ?? [], [one]);
      this.#signatures.set(one.digest, merged.slice(-SIGNATURES_MAX));
    }
  }

  /** True when it was not known. The first content of a version stays the one of that version. */
  #know({ bundle, version, digest }: KnownVersion): boolean {
    const versions = this.#versions.get(bundle) ?? new Map<string, string>();
    this.#versions.set(bundle, versions);
    if (versions.has(version)) return false;
    versions.set(version, digest);
    return true;
  }
}

function isKnownVersion(value: unknown): value is KnownVersion {
  const { bundle, version, digest } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return typeof bundle === 'string' && typeof version === 'string' && typeof digest === 'string';
}

function countsIn(signature: ArtifactSignature, digest: string, ring: KeyRing): boolean {
  const verdict = judge(digest, [signature], ring);
  return verdict[signature.role] !== null;
}

function highest(versions: readonly string[], major: string | null): string | undefined {
  const candidates = major === null ? versions : versions.filter((one) => majorOf(one) === major);
  return candidates.reduce<string | undefined>((best, one) => (best === undefined || isBelow(best, one) ? one : best), undefined);
}

function majorOf(version: string): string {
  return version.split('.')[0] ?? '';
}
