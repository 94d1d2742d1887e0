/**
 * Whether a request came from a plain client, and whose it is. On the socket in the data folder everybody is its owner: the file's rights
 * are the check. On TCP a bearer token names the sender. Nothing that a browser adds by itself (cookies, passwords of a dialog) ever counts,
 * and what comes from a web page is refused.
 */
import type { IncomingMessage } from 'node:http';
import { SluiceError } from '@sluice/sdk';
import type { TrustOffice } from '../trust/ports.js';
import { ownerPrincipal, type Principal } from '../trust/roles.js';
import type { TokenRefusal } from '../trust/token.js';

/** Stands at one door of the interface. */
export interface Gatekeeper {
  /** @throws SluiceError `ADMIN_HOST_REFUSED`, `ADMIN_ORIGIN_REFUSED`. */
  checkOrigin(request: IncomingMessage): void;
  /**
   * @param claimedActor what an owner calls himself; a token has its own name.
   * @throws SluiceError `TOKEN_REQUIRED`, `TOKEN_UNKNOWN`, `TOKEN_EXPIRED`, `TOKEN_REVOKED`.
   */
  principal(request: IncomingMessage, claimedActor: string): Principal;
}

/** Names a socket's client may put into `Host`. Anything else comes from a browser that was lured here. */
const SOCKET_HOSTS: ReadonlySet<string> = new Set(['localhost', 'sluice']);

/** The door in the data folder. */
export const SOCKET_GATEKEEPER: Gatekeeper = {
  checkOrigin: (request) => checkOrigin(request, (host) => SOCKET_HOSTS.has(host)),
  principal: (_request, claimedActor) => ownerPrincipal(claimedActor),
};

/** The door on TCP. @param isOwnHost whether a name in `Host` is one of this server. */
export function tokenGatekeeper(office: Pick<TrustOffice, 'authenticate'>, isOwnHost: (host: string) => boolean): Gatekeeper {
  return {
    checkOrigin: (request) => checkOrigin(request, isOwnHost),
    principal(request) {
      const token = /^Bearer ([\w.~+/-]+=*)$/i.exec(request.headers.authorization ?? '')?.[1];
      if (token === undefined) throw noToken('TOKEN_REQUIRED');
      const found = office.authenticate(token);
      if (typeof found === 'string') throw noToken(found);
      return found;
    },
  };
}

function checkOrigin(request: IncomingMessage, isOwnHost: (host: string) => boolean): void {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
  if (!isOwnHost(host)) {
    throw new SluiceError('ADMIN_HOST_REFUSED', `Host '${host}' may not use the admin interface, expected a name of this server`, {
      details: { host },
      httpStatus: 421,
      remedy: 'Use the sluice command, or send `Host: localhost`',
    });
  }
  const site = request.headers['sec-fetch-site'];
  // A browser says `none` only for what a person typed; then the person, not a page, sends it.
  if (request.headers.origin === undefined && (site === undefined || site === 'none')) return;
  throw new SluiceError('ADMIN_ORIGIN_REFUSED', 'Requests from web pages are refused; this one says that it comes from one', {
    details: { origin: request.headers.origin ?? null, site: site ?? null },
    httpStatus: 403,
  });
}

const REASONS: Readonly<Record<TokenRefusal | 'TOKEN_REQUIRED', string>> = {
  TOKEN_REQUIRED: 'it carries none',
  TOKEN_UNKNOWN: 'the one it carries is not known',
  TOKEN_EXPIRED: 'the one it carries has expired',
  TOKEN_REVOKED: 'the one it carries was revoked',
};

function noToken(code: keyof typeof REASONS): SluiceError {
  return new SluiceError(code, `The request needs a valid token: ${REASONS[code]}`, {
    httpStatus: 401,
    remedy: 'Make one with `sluice tokens create` on the machine of the kernel and give it with --token-file or SLUICE_TOKEN_FILE',
  });
}
