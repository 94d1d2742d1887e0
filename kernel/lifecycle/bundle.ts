/**
 * A bundle: what is installed under one id, with the revisions that live of it. Holds state, decides nothing.
 * Always holds: at most one current revision and at most one older one (draining or paused on probation).
 */
import { SluiceError, type SluiceError as SluiceErrorType } from '@sluice/sdk';
import { canTransition, effectiveTier, type BundleState, type Manifest, type Tier } from '../model/index.js';
import type { BundleContent } from '../host/ports.js';
import type { ResolverBundle } from '../resolver/index.js';
import type { Revision } from './revision.js';
import type { ProblemData } from './runtime.js';

/** Checked content of an artifact, ready to become a revision. */
export interface Artifact {
  readonly digest: string;
  readonly manifest: Manifest;
  readonly entries: ReadonlyMap<string, Uint8Array>;
}

/** An installed bundle. */
export class Bundle {
  readonly bundleId: number;
  artifact: Artifact;
  autostart: boolean;
  startLevel: number;
  /** The isolation tier an operator chose; null: as the manifest says. */
  chosenTier: Tier | null;
  /** Number of the newest revision made in this process; each start makes one. */
  revisionNumber: number;
  previous: BundleContent | null;
  state: BundleState = 'INSTALLED';
  /** The revision whose services are visible. */
  current: Revision | null = null;
  /** The revision before: draining, or paused while the current one is on trial. */
  older: Revision | null = null;
  /** Why the last start failed. */
  error: ProblemData | null = null;
  /** What happened to it, newest last, for `why`. */
  readonly log: { readonly at: number; readonly statement: string }[] = [];
  #candidate: ResolverBundle;
  #candidateRevision: number;

  constructor(
    bundleId: number,
    artifact: Artifact,
    desired: { autostart: boolean; startLevel: number; revision: number; previous: BundleContent | null; tier?: Tier | null },
  ) {
    this.bundleId = bundleId;
    this.artifact = artifact;
    this.autostart = desired.autostart;
    this.startLevel = desired.startLevel;
    this.chosenTier = desired.tier ?? null;
    this.revisionNumber = desired.revision;
    this.previous = desired.previous;
    this.#candidate = { key: keyOf(artifact.manifest, desired.revision), manifest: artifact.manifest, bundleId };
    this.#candidateRevision = desired.revision;
  }

  get symbolicName(): string {
    return this.artifact.manifest.symbolicName;
  }

  get version(): string {
    return this.artifact.manifest.versionText;
  }

  /** The tier it runs in, or would. */
  get tier(): Tier {
    return effectiveTier(this.artifact.manifest.isolation, this.chosenTier);
  }

  /** The manifest in force: of the running revision, with what its fragments add, else of the installed content. */
  get manifest(): Manifest {
    return this.current?.manifest ?? this.artifact.manifest;
  }

  get isFragment(): boolean {
    return this.artifact.manifest.fragment !== null;
  }

  /** Key of the running revision, or of the installed content, in resolver and reports. */
  get key(): string {
    return this.candidate.key;
  }

  /** The bundle as the resolver sees it: the same object for as long as nothing of it changes. */
  get candidate(): ResolverBundle {
    const { manifest } = this.artifact;
    const revision = this.current?.revision ?? this.revisionNumber;
    if (this.#candidate.manifest !== manifest || this.#candidateRevision !== revision) {
      this.#candidate = { key: keyOf(manifest, revision), manifest, bundleId: this.bundleId };
      this.#candidateRevision = revision;
    }
    return this.#candidate;
  }

  /** Moves to a state. @throws an assertion when the move is not one of OSGi's: that would be our bug. */
  moveTo(state: BundleState): void {
    if (this.state === state) return;
    if (!canTransition(this.state, state)) {
      throw new SluiceError('STATE_INVALID', `'${this.symbolicName}' cannot go from ${this.state} to ${state}`);
    }
    this.state = state;
  }

  /** Remembers what happened, at most 50 entries. */
  remember(at: number, statement: string): void {
    this.log.push({ at, statement });
    if (this.log.length > 50) this.log.shift();
  }
}

/** Resolver key of a content. */
export function keyOf(manifest: Manifest, revision: number): string {
  return `${manifest.symbolicName}@${manifest.versionText}#${revision}`;
}

/** Symbolic name in a resolver key. */
export function nameOfKey(key: string): string {
  return key.slice(0, key.indexOf('@') === -1 ? key.length : key.lastIndexOf('@', key.lastIndexOf('#')));
}

/** An error as plain data. */
export function problemOf(error: SluiceErrorType): ProblemData {
  return {
    code: error.code,
    message: error.message,
    ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
    details: error.details,
  };
}
