/**
 * What life cycle and admin server need of trust, as interfaces; the host implements them over files. `OPEN_GATE` and `SILENT_AUDIT` stand in
 * for a kernel without a data folder, as in the test kit.
 */
import type { AuditEntry, AuditRecord, ChainHead, ChainVerdict } from './audit-chain.js';
import type { KeyRing, TrustedKey } from './key-ring.js';
import type { Policy } from './policy.js';
import type { Principal } from './roles.js';
import type { SignerRole } from './signature.js';
import type { TokenRecord, TokenRefusal } from './token.js';
import type { TrustProblem, Verdict } from './verdict.js';
import type { KnownVersion } from './version-rules.js';

/** Decides whether bytes may become running code. */
export interface TrustGate {
  readonly policy: Policy;
  /**
   * Judges the signatures of an artifact of which only the digest is known yet, and remembers the ones that belong to it.
   * @param signatureFiles signature files that came with the change, of any of its artifacts.
   * @throws SluiceError `SIGNATURE_*` when the policy requires an approval and there is none.
   */
  admit(digest: string, signatureFiles: readonly Uint8Array[]): Verdict;
  /**
   * Holds name and version, now that they are known, against the approval and against what was accepted before. Returns what the policy
   * lets pass with a warning.
   * @throws SluiceError `SIGNATURE_OTHER_NAME`, `VERSION_REUSED`, `VERSION_DOWNGRADE`, `PERMISSION_INCREASE` when the policy requires the rules.
   */
  accept(verdict: Verdict, content: KnownVersion, change: ContentChange): readonly TrustProblem[];
  /** Asked right before content is compiled, with the keys as they are now. Null: it may run. */
  mayRun(content: KnownVersion): TrustProblem | null;
  /** Contents that a committed change, or the journal at a start, made current. */
  remember(contents: readonly KnownVersion[]): void;
  /** Resolves when what `admit` remembered is on disk. */
  settled(): Promise<void>;
}

/** What an accepted content would replace. */
export interface ContentChange {
  /** The installed version it replaces; undefined when none is installed. */
  readonly replaces: string | undefined;
  /** Whether versions of other majors live beside it, so that only its own major counts as older. */
  readonly singleton: boolean;
  readonly allowDowngrade: boolean;
  /** What its manifest asks for and the installed one did not. */
  readonly addedPermissions: readonly string[];
  readonly grantPermissions: boolean;
}

/** How an action ended. */
export interface AuditOutcome {
  readonly outcome: string;
  readonly code?: string;
  readonly target?: string;
  readonly digests?: readonly string[];
}

/** An action that was recorded as begun. */
export interface AuditTicket {
  readonly sequence: number;
  /** Records how it ended. Never throws: the action has happened. The second call does nothing. */
  end(outcome: AuditOutcome): Promise<void>;
}

/** Takes records in. */
export interface AuditRecorder {
  /**
   * Records that an action is about to happen; resolves when that is on disk.
   * @throws SluiceError `AUDIT_UNAVAILABLE`: then the action must not happen.
   */
  begin(action: Omit<AuditEntry, 'at' | 'phase' | 'of' | 'outcome' | 'code'>): Promise<AuditTicket>;
  /**
   * Records a refusal, or something worth knowing that needs no permission.
   * @throws SluiceError `AUDIT_UNAVAILABLE`.
   */
  write(entry: Omit<AuditEntry, 'at' | 'of'>): Promise<void>;
}

/** The append-only record of actions and refusals. */
export interface AuditLog extends AuditRecorder {
  /** The newest records, oldest first. */
  read(limit: number): Promise<readonly AuditRecord[]>;
  /** Examines every record. @param witnesses heads that were kept elsewhere. */
  verify(witnesses: readonly ChainHead[]): Promise<ChainVerdict>;
  readonly head: ChainHead;
}

/** Keys and tokens of a kernel. Every change is durable when it returns. */
export interface TrustOffice {
  readonly policy: Policy;
  readonly ring: KeyRing;
  trustKey(wish: {
    readonly name: string;
    readonly role: SignerRole;
    readonly prefixes: readonly unknown[];
    readonly publicKey: string;
    readonly by: string;
  }): Promise<TrustedKey>;
  revokeKey(id: string, by: string, reason: string): Promise<TrustedKey>;
  tokens(): readonly TokenRecord[];
  createToken(wish: {
    readonly name: unknown;
    readonly roles: unknown;
    readonly bundles: unknown;
    readonly lifeMs: number;
    readonly by: string;
  }): Promise<{ readonly record: TokenRecord; readonly token: string }>;
  revokeToken(idOrName: string): Promise<TokenRecord>;
  authenticate(token: string): Principal | TokenRefusal;
}

/** An uploaded artifact that waits to be activated. */
export interface StoredArtifact extends KnownVersion {
  readonly bytes: number;
  readonly uploadedAt: number;
  readonly uploadedBy: string;
  /** Ids of the keys whose signatures count, as of now. */
  readonly build: string | null;
  readonly release: string | null;
  readonly approved: boolean;
  /** What the approval still lacks. */
  readonly problems: readonly TrustProblem[];
}

/** Artifacts that were uploaded and not activated. */
export interface ArtifactShelf {
  /**
   * Reads name and version of an artifact without storing it, to see whether its sender may touch it.
   * @throws SluiceError `ARCHIVE_*`, `MANIFEST_INVALID`.
   */
  examine(bytes: Uint8Array): KnownVersion;
  /** Stores artifacts. @throws SluiceError as `examine`, `VERSION_REUSED`, `SHELF_FULL`. */
  store(artifacts: readonly Uint8Array[], signatureFiles: readonly Uint8Array[], by: string): Promise<readonly StoredArtifact[]>;
  list(): readonly StoredArtifact[];
  /** @throws SluiceError `ARTIFACT_UNKNOWN`. */
  find(digest: string): StoredArtifact;
  /** Bytes of a stored artifact. @throws SluiceError `ARTIFACT_UNKNOWN`. */
  bytesOf(digest: string): Promise<Uint8Array>;
  /** Adds signatures to a stored artifact. @throws SluiceError `SIGNATURE_FILE_INVALID`, `ARTIFACT_UNKNOWN`, `SIGNATURE_*`. */
  addSignatures(signatureFile: Uint8Array): Promise<StoredArtifact>;
}

/** Content of an installed bundle. */
export interface InstalledContent {
  readonly symbolicName: string;
  readonly version: string;
  readonly digest: string;
}

/** What the admin server needs of trust. */
export interface AdminTrust {
  readonly office: TrustOffice;
  readonly shelf: ArtifactShelf;
  readonly audit: AuditLog;
  /** Ids of the changes that the admin server records itself, while they run. */
  readonly requested: Set<string>;
  /** For the status. @param installed the bundles to look through for missing approvals. */
  status(installed: readonly InstalledContent[]): {
    readonly policy: Policy;
    readonly auditHead: string;
    readonly adminUrl: string | null;
    /** Installed bundles that build and release did not both sign, as `name version`: `require` would not start them. */
    readonly unapproved: readonly string[];
  };
  /** Where the interface listens on TCP. */
  listens(url: string | null): void;
  /** A key was revoked while these run: what of them it had signed is an alarm. */
  keyRevoked(installed: readonly InstalledContent[]): void;
}

const NO_APPROVAL: Verdict = { build: null, release: null, claim: null, approved: false, problems: [] };

/** Lets everything pass. */
export const OPEN_GATE: TrustGate = {
  policy: 'off',
  admit: () => NO_APPROVAL,
  accept: () => [],
  mayRun: () => null,
  remember: () => {},
  settled: () => Promise.resolve(),
};

const NO_TICKET: AuditTicket = { sequence: 0, end: () => Promise.resolve() };

/** Records nothing. */
export const SILENT_AUDIT: AuditRecorder = { begin: () => Promise.resolve(NO_TICKET), write: () => Promise.resolve() };
