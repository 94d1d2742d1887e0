/** Where a client finds a kernel that is not on its own machine, and how it says who it is. */
import type { RequestOptions } from 'node:https';
import { SluiceError } from './errors.js';

/** A kernel on TCP. */
export interface RemoteKernel {
  /** `https://host:port`, or `http://` on loopback. */
  readonly url: string;
  readonly token: string;
  /** PEM of the authority that signed the server's certificate. Default: those the system knows. */
  readonly ca?: string;
  /** PEM of the client's own certificate and key, where the server asks for one. */
  readonly cert?: string;
  readonly key?: string;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * Options of a request to a remote kernel.
 * @throws SluiceError `USAGE_SERVER`: a token is never sent in clear text over a network.
 */
export function remoteOptions({ url, token, ca, cert, key }: RemoteKernel): RequestOptions & { readonly tls: boolean } {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  const isTls = parsed?.protocol === 'https:';
  if (parsed === null || parsed.username !== '' || (!isTls && !(parsed.protocol === 'http:' && LOOPBACK.test(parsed.hostname)))) {
    throw new SluiceError('USAGE_SERVER', 'Cannot use this --server: expected https://host:port, or http:// on this machine', {
      httpStatus: 400,
      remedy: 'A token is never sent over a network without TLS',
    });
  }
  return {
    tls: isTls,
    hostname: parsed.hostname.replace(/^\[|\]$/g, ''),
    port: parsed.port === '' ? (isTls ? 443 : 80) : Number(parsed.port),
    headers: { host: parsed.host, authorization: `Bearer ${token}` },
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
