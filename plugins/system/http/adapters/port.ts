/** The listening socket: opens it, and says in three parts why it cannot be opened. Accepts only; serving is somebody else's. */
import { createServer, type AddressInfo, type Server } from 'node:net';
import { SluiceError } from '@sluice/sdk';

/**
 * Listens. Connections come by the `connection` event of the result.
 * @param kept a socket that somebody keeps for this address; null to open one.
 * @throws SluiceError `LISTEN_FAILED`
 */
export async function openPort(host: string, port: number, kept: object | null): Promise<Server> {
  // The options of http.Server: a client may close its sending side and still read the answer; small answers are not held back.
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenFailed(host, port, error)));
    server.listen(kept ?? { host, port }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
  return server;
}

/** Port number a server listens on. */
export function portOf(server: Server): number {
  return (server.address() as AddressInfo | null)?.port ?? 0;
}

function listenFailed(host: string, port: number, error: NodeJS.ErrnoException): SluiceError {
  const remedies: Readonly<Record<string, string>> = {
    EADDRINUSE: 'Stop the process that holds it, or set another port in the configuration of system.http.',
    EACCES: 'Use a port above 1023, or give the process the right to open this one.',
    EADDRNOTAVAIL: 'Set host to an address of this machine.',
  };
  return new SluiceError('LISTEN_FAILED', `Cannot listen on ${host}:${port}: ${error.message}`, {
    details: { host, port, reason: error.code ?? error.message },
    remedy: remedies[error.code ?? ''] ?? 'Check host and port in the configuration of system.http.',
    cause: error,
  });
}
