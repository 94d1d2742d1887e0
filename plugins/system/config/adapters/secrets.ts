/** Where referenced secrets come from: the environment of the process and small files, such as an orchestrator mounts. */
import { open } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import type { SecretPort } from '../domain/references.js';

/** Largest secret; certificates with their chain fit. */
const SECRET_BYTES_MAX = 65_536;

/** Secrets of this process. */
export const processSecrets: SecretPort = {
  // The plain `process` of a bundle has no environment, so that none reads it by accident; this one's duty is to read it.
  environment: (name) => (Object.hasOwn(globalThis.process.env, name) ? globalThis.process.env[name] : undefined),

  async file(path) {
    if (!isAbsolute(path)) throw new Error('the path is not absolute');
    const handle = await open(path, 'r');
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(SECRET_BYTES_MAX + 1), 0, SECRET_BYTES_MAX + 1, 0);
      if (bytesRead > SECRET_BYTES_MAX) throw new Error(`the file is larger than ${SECRET_BYTES_MAX} bytes`);
      return buffer.toString('utf8', 0, bytesRead).replace(/\r?\n$/, '');
    } finally {
      await handle.close();
    }
  },
};
