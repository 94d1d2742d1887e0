/**
 * Where the admin socket of a data folder is. Server and clients compute it alike, so nothing has to be written down.
 * Always private: the socket has mode 0600, and the folder used for long paths has mode 0700 and the owner of the data folder.
 */
import { realpathSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Longest path of a Unix socket: sun_path holds 108 bytes on Linux, 104 on macOS, the last one a zero. */
const SOCKET_PATH_BYTES_MAX = 103;

/** Path of the admin socket of a data folder. */
export function adminSocketPath(dataFolder: string): string {
  return socketPath(dataFolder, 'admin');
}

/** Path of a socket of a data folder: the kernel's, or its supervisor's. */
export function socketPath(dataFolder: string, of: 'admin' | 'supervisor'): string {
  const path = join(dataFolder, `${of}.sock`);
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return path;
  // Rare, so that the module is not loaded for every command.
  const { createHash } = require('node:crypto') as typeof import('node:crypto');
  const { folder, owner } = identityOf(dataFolder);
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 24);
  return join(tmpdir(), `sluice-${owner}`, `${name}${of === 'admin' ? '' : `-${of}`}.sock`);
}

/** The folder that only serves long paths; undefined when the socket lies in the data folder. */
export function sharedSocketFolder(dataFolder: string): string | undefined {
  const path = adminSocketPath(dataFolder);
  return path === join(dataFolder, 'admin.sock') ? undefined : join(path, '..');
}

function identityOf(dataFolder: string): { readonly folder: string; readonly owner: number } {
  try {
    return { folder: realpathSync(dataFolder), owner: statSync(dataFolder).uid };
  } catch {
    // A folder that does not exist has no kernel; the path only has to be stable for the error message.
    return { folder: dataFolder, owner: process.getuid?.() ?? 0 };
  }
}
