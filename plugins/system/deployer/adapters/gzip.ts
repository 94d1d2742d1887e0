/** Whether bytes are a whole gzip-compressed tar archive. Inflates in the thread pool, with a limit. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { walkTar, type Completeness } from '../domain/tar-walk.js';

const inflate = promisify(gunzip);
/** Most bytes inflated; the kernel takes no larger artifact. */
const INFLATED_BYTES_MAX = 134_217_728;

/** Inflates and looks. */
export async function inspectArchive(content: Uint8Array): Promise<Completeness> {
  const magic = content.subarray(0, 2);
  if (magic.length < 2) return 'incomplete';
  if (magic[0] !== 0x1f || magic[1] !== 0x8b) return { bad: 'no gzip header' };
  try {
    return walkTar(await inflate(content, { maxOutputLength: INFLATED_BYTES_MAX }));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') return 'incomplete';
    return {
      bad: code === 'ERR_BUFFER_TOO_LARGE' ? `more than ${INFLATED_BYTES_MAX} bytes when inflated` : `damaged gzip data (${message})`,
    };
  }
}
