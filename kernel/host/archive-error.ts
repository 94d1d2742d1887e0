/** Refusals of the archive reader: always a code `ARCHIVE_*` and where in the archive it was found. */
import { SluiceError } from '@sluice/sdk';

/** Where and what. `offset` counts bytes of the compressed file with gzip errors, of the tar stream with all others. */
export interface ArchivePosition {
  readonly offset: number;
  readonly path?: string;
  readonly found?: string | number;
  readonly expected?: string | number;
}

/** Makes the error of one refusal. */
export function archiveRefusal(code: `ARCHIVE_${string}`, what: string, position: ArchivePosition): SluiceError {
  const where = position.path === undefined ? `at byte ${position.offset}` : `at '${position.path}' (byte ${position.offset})`;
  return new SluiceError(code, `Cannot read the archive ${where}: ${what}`, {
    details: { ...position },
    remedy: 'Build the artifact again with `sluice pack` or `npm pack` and check how it was transferred.',
    httpStatus: 422,
  });
}
