/**
 * Reads what a request brings before anything is done with it: artifacts with their signature files, or digests of uploaded ones. Holds their
 * names against the sender's grants, so that nobody touches a bundle by calling it something else.
 */
import { createHash } from 'node:crypto';
import { SluiceError } from '@sluice/sdk';
import type { ArtifactShelf } from '../trust/ports.js';
import { hasRight, type Principal } from '../trust/roles.js';
import { namesOf } from '../trust/version-rules.js';
import { assertRights, demandOf } from './access.js';
import { provideArtifacts, readArtifacts, readJson, type MatchedRequest } from './requests.js';
import type { IncomingMessage } from 'node:http';

/** What a request brings. */
export interface Intake {
  readonly artifacts: readonly Uint8Array[];
  readonly signatures: readonly Uint8Array[];
  readonly digests: readonly string[];
  /** Names of the bundles, as far as they had to be known. */
  readonly names: readonly string[];
}

const NOTHING: Intake = { artifacts: [], signatures: [], digests: [], names: [] };

/**
 * Takes the body of a request in.
 * @throws SluiceError `ACCESS_REFUSED`, `ARTIFACT_UNKNOWN`, `ADMIN_BODY_*`, `ADMIN_MEDIA_TYPE_REFUSED`, `ARCHIVE_*`, `MANIFEST_INVALID`.
 */
export async function takeIn(
  request: IncomingMessage,
  matched: MatchedRequest,
  principal: Principal,
  shelf: ArtifactShelf,
): Promise<Intake> {
  const { body } = matched.endpoint;
  if (body === 'none' || body === 'json') return NOTHING;
  const isStored = (request.headers['content-type'] ?? '').startsWith('application/json');
  const demand = demandOf(matched);
  if (isStored && body !== 'release' && matched.name !== 'upload') {
    const stored = digestsIn(await readJson(request)).map((digest) => shelf.find(digest));
    const names = stored.flatMap(namesOf);
    assertRights(principal, demand.rights, names, matched.name);
    const artifacts = await Promise.all(stored.map(({ digest }) => shelf.bytesOf(digest)));
    provideArtifacts(request, artifacts);
    return { artifacts, signatures: [], digests: stored.map(({ digest }) => digest), names };
  }
  // Bringing code in takes a right of its own, also where it is only planned with.
  const rights = [...new Set([...demand.rights, 'upload' as const])];
  assertRights(principal, rights, demand.over === 'system' ? '*' : 'any', matched.name);
  const parts = await readArtifacts(request);
  const signatures = parts.filter(isSignatureFile);
  const artifacts = parts.filter((part) => !signatures.includes(part));
  if (artifacts.length === 0)
    throw new SluiceError('ADMIN_BODY_INVALID', 'The request holds no artifact, expected at least one', { httpStatus: 400 });
  provideArtifacts(request, artifacts);
  // The first part of a release is the document that names it.
  const code = body === 'release' ? artifacts.slice(1) : artifacts;
  const digests = code.map((bytes) => createHash('sha256').update(bytes).digest('hex'));
  if (rights.every((right) => hasRight(principal, right, '*'))) return { artifacts, signatures, digests, names: [] };
  const names = code.flatMap((bytes) => namesOf(shelf.examine(bytes)));
  assertRights(principal, rights, names, matched.name);
  return { artifacts, signatures, digests, names };
}

function digestsIn({ digests, ...others }: Readonly<Record<string, unknown>>): readonly string[] {
  const isList = Array.isArray(digests) && digests.length > 0 && digests.every((one) => typeof one === 'string');
  if (isList && Object.keys(others).length === 0) return digests as string[];
  throw new SluiceError('ADMIN_BODY_INVALID', "Cannot read the body: expected { digests: ['<sha256>', ...] } of uploaded artifacts", {
    httpStatus: 400,
  });
}

/** Signature files travel among the artifacts: JSON that begins with the name of their format. */
function isSignatureFile(part: Uint8Array): boolean {
  return /^\{\s*"format":\s*"sluice-signature\//.test(
    Buffer.from(part.buffer, part.byteOffset, Math.min(64, part.length)).toString('latin1'),
  );
}
