/**
 * Artifacts that were uploaded and wait to be activated by somebody else: their bytes are in the store, the list of them is
 * `<data>/trust/uploads.json`. They wait for seven days. Nothing here ever runs.
 */
import * as fs from 'node:fs';
import { SluiceError } from '@sluice/sdk';
import { refusal } from '../trust/policy.js';
import type { ArtifactShelf, StoredArtifact } from '../trust/ports.js';
import { decodeSignatures } from '../trust/signature.js';
import { judgeVersion, type KnownVersion } from '../trust/version-rules.js';
import { digestOf } from './blob.js';
import { NodeFiles, replaceFile } from './files.js';
import type { BlobStore } from './ports.js';
import type { FolderTrustGate } from './trust-gate.js';

/** Most artifacts that wait at once. */
const UPLOADS_MAX = 500;
/** Most bytes that wait at once: nobody who may only upload fills the disk. */
const UPLOADS_BYTES_MAX = 4 * 1024 * 1024 * 1024;
const WAIT_MS = 7 * 86_400_000;
const NAME = 'uploads.json';

type Upload = KnownVersion & Pick<StoredArtifact, 'bytes' | 'uploadedAt' | 'uploadedBy'>;

/** What the shelf works with. */
export interface ShelfParts {
  readonly store: Pick<BlobStore, 'put' | 'get'>;
  readonly gate: FolderTrustGate;
  readonly now: () => number;
  /** Reads and checks an artifact. @throws SluiceError `ARCHIVE_*`, `MANIFEST_INVALID`. */
  readonly read: (bytes: Uint8Array, digest: string) => KnownVersion;
}

/** Opens the shelf of a data folder whose `trust` folder exists. */
export function openArtifactShelf(dataFolder: string, parts: ShelfParts): FolderShelf {
  return new FolderShelf(`${dataFolder}/trust`, parts);
}

/** The shelf of a data folder. Made by {@link openArtifactShelf}. */
export class FolderShelf implements ArtifactShelf {
  readonly #uploads = new Map<string, Upload>();
  /** Being stored: already kept from being tidied away. */
  readonly #coming = new Set<string>();
  #work: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly folder: string,
    private readonly parts: ShelfParts,
  ) {
    const path = `${folder}/${NAME}`;
    if (!fs.existsSync(path)) return;
    for (const one of readUploads(path)) this.#uploads.set(one.digest, one);
  }

  /** Digests of what waits. */
  digests(): readonly string[] {
    this.#dropOld();
    return [...this.#uploads.keys(), ...this.#coming];
  }

  examine(bytes: Uint8Array): KnownVersion {
    return this.parts.read(bytes, digestOf(bytes));
  }

  store(artifacts: readonly Uint8Array[], signatureFiles: readonly Uint8Array[], by: string): Promise<readonly StoredArtifact[]> {
    return this.#change(async () => {
      const uploads = artifacts.map((bytes) => this.#checked(bytes, signatureFiles, by));
      this.#assertRoom(uploads);
      for (const { digest } of uploads) this.#coming.add(digest);
      try {
        await Promise.all(artifacts.map((bytes) => this.parts.store.put(bytes)));
        for (const one of uploads) {
          this.parts.gate.addSignatures(one.digest, signatureFiles);
          this.#uploads.set(one.digest, one);
        }
        await this.parts.gate.settled();
        await this.#write();
      } finally {
        for (const { digest } of uploads) this.#coming.delete(digest);
      }
      return uploads.map((one) => this.#shown(one));
    });
  }

  #checked(bytes: Uint8Array, signatureFiles: readonly Uint8Array[], by: string): Upload {
    const content = this.examine(bytes);
    const { bundle, version, digest } = content;
    const waiting = [...this.#uploads.values()].find((one) => one.bundle === bundle && one.version === version);
    const acceptedDigest = this.parts.gate.acceptedDigest(bundle, version) ?? waiting?.digest;
    const [problem] = judgeVersion({ bundle, version, digest, acceptedDigest, replaces: undefined, allowDowngrade: true });
    if (problem !== undefined && this.parts.gate.policy === 'require') throw refusal([problem]);
    // Only to refuse files that cannot be read; whether signatures are missing is judged when it is activated.
    for (const file of signatureFiles) decodeSignatures(file);
    return { ...content, bytes: bytes.length, uploadedAt: this.parts.now(), uploadedBy: by };
  }

  #assertRoom(added: readonly Upload[]): void {
    this.#dropOld();
    const all = new Map([...this.#uploads.values(), ...added].map((one) => [one.digest, one]));
    const bytes = [...all.values()].reduce((sum, one) => sum + one.bytes, 0);
    if (all.size <= UPLOADS_MAX && bytes <= UPLOADS_BYTES_MAX) return;
    throw new SluiceError('SHELF_FULL', `${this.#uploads.size} uploaded artifacts wait already`, {
      details: { waiting: this.#uploads.size, uploadsMax: UPLOADS_MAX, bytesMax: UPLOADS_BYTES_MAX },
      httpStatus: 409,
      remedy: 'Activate some; what waits for seven days is removed.',
    });
  }

  list(): readonly StoredArtifact[] {
    this.#dropOld();
    return [...this.#uploads.values()].map((one) => this.#shown(one));
  }

  find(digest: string): StoredArtifact {
    return this.#shown(this.#found(digest));
  }

  async bytesOf(digest: string): Promise<Uint8Array> {
    return this.parts.store.get(this.#found(digest).digest);
  }

  addSignatures(signatureFile: Uint8Array): Promise<StoredArtifact> {
    return this.#change(async () => {
      const signatures = decodeSignatures(signatureFile);
      const [first] = signatures;
      const upload = this.#found(first?.digest ?? '');
      const verdict = this.parts.gate.verdict(upload.digest, [signatureFile]);
      const counting = this.parts.gate.addSignatures(upload.digest, [signatureFile]);
      const [problem, ...others] = verdict.problems.filter(({ code }) => code !== 'SIGNATURE_MISSING');
      if (counting === 0 && problem !== undefined) throw refusal([problem, ...others]);
      await this.parts.gate.settled();
      return this.#shown(upload);
    });
  }

  #found(digest: string): Upload {
    this.#dropOld();
    const found = this.#uploads.get(digest);
    if (found !== undefined) return found;
    throw new SluiceError('ARTIFACT_UNKNOWN', `No uploaded artifact has the digest '${digest.slice(0, 64)}'`, {
      details: { digest: digest.slice(0, 64) },
      httpStatus: 404,
      remedy: '`sluice artifacts` lists what was uploaded; it waits for seven days',
    });
  }

  #shown(upload: Upload): StoredArtifact {
    const { build, release, approved, problems } = this.parts.gate.verdict(upload.digest);
    return { ...upload, build, release, approved, problems };
  }

  #dropOld(): void {
    const oldest = this.parts.now() - WAIT_MS;
    for (const one of this.#uploads.values()) if (one.uploadedAt < oldest) this.#uploads.delete(one.digest);
  }

  #write(): Promise<void> {
    return replaceFile(new NodeFiles(), this.folder, NAME, Buffer.from(`${JSON.stringify([...this.#uploads.values()], null, 1)}\n`));
  }

  #change<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#work.then(change);
    this.#work = done.catch(() => undefined);
    return done;
  }
}

/** A list that cannot be read is begun anew: what is lost is uploaded again. */
function readUploads(path: string): readonly Upload[] {
  try {
    const uploads: unknown = JSON.parse(fs.readFileSync(path, 'utf8'));
    return Array.isArray(uploads) ? (uploads as Upload[]) : [];
  } catch {
    return [];
  }
}
