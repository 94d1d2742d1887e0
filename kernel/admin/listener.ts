/**
 * The admin interface on TCP: opt-in, with bearer tokens, and with TLS wherever somebody else could listen on the wire. Owns the listening
 * socket; what requests mean is the server's.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIP, type AddressInfo } from 'node:net';
import { SluiceError } from '@sluice/sdk';

/** Where and how to listen. */
export interface AdminListenOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly tls?: {
    readonly certFile: string;
    readonly keyFile: string;
    /** Only clients with a certificate of this authority are let in, besides their token. */
    readonly caFile?: string;
  };
}

/** An open listener. */
export interface AdminListener {
  readonly server: Server;
  readonly url: string;
}

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1', '[::1]']);
/** A client that sends its head more slowly than this is cut: it only holds a connection. */
const HEADERS_TIMEOUT_MS = 10_000;

/**
 * Refuses what would send tokens in clear text over a network.
 * @throws SluiceError `ADMIN_TLS_REQUIRED`.
 */
export function assertSafe({ host, tls }: AdminListenOptions): void {
  if (tls !== undefined || LOOPBACK.has(host)) return;
  throw new SluiceError(
    'ADMIN_TLS_REQUIRED',
    `The admin interface cannot listen on '${host}' without TLS: tokens would be read on the way`,
    {
      details: { host },
      httpStatus: 400,
      remedy: 'Add --admin-tls cert.pem,key.pem, or listen on 127.0.0.1',
    },
  );
}

/**
 * Opens the listener.
 * @param isOwnHost is told, for the door, which names in `Host` are this server's.
 * @throws SluiceError `ADMIN_TLS_REQUIRED`, `ADMIN_TLS_INVALID`, `ADMIN_LISTEN_FAILED`.
 */
export async function openListener(
  options: AdminListenOptions,
  serve: (isOwnHost: (host: string) => boolean) => (request: IncomingMessage, response: ServerResponse) => void,
): Promise<AdminListener> {
  assertSafe(options);
  const { host, port } = options;
  const tls = options.tls === undefined ? null : readTls(options.tls);
  const handler = serve((name) => isOwn(name, host, tls?.certificate ?? null));
  const server =
    tls === null ? createServer(handler) : (require('node:https') as typeof import('node:https')).createServer(tls.settings, handler);
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (cause) {
    throw new SluiceError('ADMIN_LISTEN_FAILED', `The admin interface cannot listen on ${host}:${port}: ${(cause as Error).message}`, {
      details: { host, port },
      cause,
      remedy: 'Choose another port with --admin-listen',
    });
  }
  const bound = (server.address() as AddressInfo).port;
  return { server, url: `${tls === null ? 'http' : 'https'}://${isIP(host) === 6 ? `[${host}]` : host}:${bound}` };
}

function readTls({ certFile, keyFile, caFile }: NonNullable<AdminListenOptions['tls']>) {
  try {
    const [cert, key] = [readFileSync(certFile), readFileSync(keyFile)];
    const clients = caFile === undefined ? {} : { ca: readFileSync(caFile), requestCert: true, rejectUnauthorized: true };
    const certificate = new X509Certificate(cert);
    return { certificate, settings: { cert, key, ...clients, minVersion: 'TLSv1.2' as const } };
  } catch (cause) {
    throw new SluiceError('ADMIN_TLS_INVALID', `Cannot read the certificate of the admin interface: ${(cause as Error).message}`, {
      details: { certFile, keyFile, caFile: caFile ?? null },
      cause,
      httpStatus: 400,
      remedy: 'Give PEM files: --admin-tls cert.pem,key.pem[,clients-ca.pem]',
    });
  }
}

/** The address it listens on, loopback names, and the names in the certificate: a page of another name that points here is refused. */
function isOwn(name: string, listened: string, certificate: X509Certificate | null): boolean {
  if (name === listened.toLowerCase() || name === `[${listened.toLowerCase()}]` || LOOPBACK.has(name)) return true;
  if (certificate === null || name === '') return false;
  return (
    (isIP(name.replace(/^\[|\]$/g, '')) === 0 ? certificate.checkHost(name) : certificate.checkIP(name.replace(/^\[|\]$/g, ''))) !==
    undefined
  );
}
