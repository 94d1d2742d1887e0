/** Artifacts on the wire: per artifact its length (four bytes, big endian), then its bytes. Pure. */
import { SluiceError } from './errors.js';
import { ARTIFACT_BYTES_MAX, ARTIFACTS_MAX } from './contract.js';

/** Frames artifacts into one body. */
export function writeFrames(artifacts: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const artifact of artifacts) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(artifact.length);
    parts.push(length, artifact);
  }
  return Buffer.concat(parts);
}

/**
 * Reads framed artifacts. The parts share the memory of the body.
 * @throws SluiceError `ADMIN_BODY_INVALID` naming the artifact and the byte where the framing breaks.
 */
export function readFrames(body: Buffer): Buffer[] {
  const artifacts: Buffer[] = [];
  for (let offset = 0; offset < body.length;) {
    const index = artifacts.length;
    if (index >= ARTIFACTS_MAX) throw broken(`it holds more than ${ARTIFACTS_MAX} artifacts`, { index, offset });
    if (body.length - offset < 4) throw broken(`the length of artifact ${index} is cut off at byte ${body.length}`, { index, offset });
    const length = body.readUInt32BE(offset);
    if (length === 0 || length > ARTIFACT_BYTES_MAX) {
      throw broken(`artifact ${index} claims ${length} bytes, allowed are 1 to ${ARTIFACT_BYTES_MAX}`, { index, offset });
    }
    if (body.length - offset - 4 < length) {
      throw broken(`artifact ${index} claims ${length} bytes, only ${body.length - offset - 4} follow`, { index, offset });
    }
    artifacts.push(body.subarray(offset + 4, offset + 4 + length));
    offset += 4 + length;
  }
  return artifacts;
}

function broken(reason: string, details: Readonly<Record<string, unknown>>): SluiceError {
  return new SluiceError('ADMIN_BODY_INVALID', `Cannot read the framed artifacts: ${reason}`, {
    details,
    httpStatus: 400,
    remedy: 'Send each artifact as a four-byte big-endian length followed by its bytes',
  });
}
