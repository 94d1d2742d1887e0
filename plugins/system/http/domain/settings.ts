/**
 * Configuration of the http bundle as the code uses it: complete, and with everything derived from it ready.
 * The kernel has checked the values against the schema in package.json; parts left out get the defaults here.
 */
import type { ClientAddresses } from './client-address.js';
import { trustProxies } from './client-address.js';

/** Bounds on what a client or a bundle can take. */
export interface Limits {
  /** Largest request body, bytes. */
  readonly bodyBytesMax: number;
  /** Largest request head, bytes. */
  readonly headerBytesMax: number;
  /** Longest wait for a complete head. */
  readonly headersTimeoutMs: number;
  /** Longest wait for a complete request, body included. */
  readonly receiveTimeoutMs: number;
  /** How long an idle connection is kept. */
  readonly keepAliveTimeoutMs: number;
  /** Longest work on one request, unless its route says otherwise. */
  readonly requestTimeoutMs: number;
  readonly connectionsMax: number;
  /** Requests at once in one bundle. */
  readonly perBundleMax: number;
  /** Requests waiting for a bundle or route that is at its limit. */
  readonly queueMax: number;
  /** Longest wait in that queue. */
  readonly queueWaitMs: number;
  /** Longest wait for running requests when the server stops. */
  readonly drainMs: number;
  /** How long idle connections stay open, answering with `Connection: close`, when the server stops. */
  readonly closeGraceMs: number;
}

/** Cross-origin access. */
export interface CorsConfig {
  /** Exact origins, or `*`. Empty: no cross-origin access. */
  readonly origins: readonly string[];
  readonly credentials: boolean;
  /** Request headers a script may send. */
  readonly headers: readonly string[];
  readonly maxAgeSeconds: number;
}

/** Certificate and key, as files. */
export interface TlsConfig {
  readonly certFile: string;
  readonly keyFile: string;
  /** Certificate authorities for client certificates; with it a client must present one. */
  readonly clientCaFile?: string;
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
}

/** What an operator may set. Everything has a default. */
export interface HttpConfig {
  readonly port?: number;
  readonly host?: string;
  readonly tls?: TlsConfig | null;
  /** Addresses and networks (CIDR) whose X-Forwarded-For and X-Forwarded-Proto are believed. */
  readonly trustedProxies?: readonly string[];
  readonly cors?: Partial<CorsConfig>;
  /** Headers added to every answer; an empty text removes a default one. */
  readonly securityHeaders?: Readonly<Record<string, string>>;
  readonly limits?: Partial<Limits>;
}

/** Defaults of the limits. */
export const DEFAULT_LIMITS: Limits = {
  bodyBytesMax: 1_048_576,
  headerBytesMax: 16_384,
  headersTimeoutMs: 10_000,
  receiveTimeoutMs: 30_000,
  keepAliveTimeoutMs: 15_000,
  requestTimeoutMs: 30_000,
  connectionsMax: 10_000,
  perBundleMax: 1_000,
  queueMax: 1_000,
  queueWaitMs: 2_000,
  drainMs: 10_000,
  closeGraceMs: 0,
};

const DEFAULT_CORS: CorsConfig = {
  origins: [],
  credentials: false,
  headers: ['content-type', 'authorization', 'idempotency-key', 'x-request-id'],
  maxAgeSeconds: 600,
};

const DEFAULT_SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
};

const TRANSPORT_SECURITY = { 'strict-transport-security': 'max-age=31536000' };

/** Complete settings. */
export interface Settings {
  readonly port: number;
  readonly host: string;
  readonly tls: TlsConfig | null;
  readonly limits: Limits;
  readonly cors: CorsConfig;
  /** Name and value of each header, in lower case. */
  readonly securityHeaders: readonly (readonly [string, string])[];
  readonly clients: ClientAddresses;
}

/**
 * Completes a configuration.
 * @throws SluiceError `CONFIG_INVALID` naming the network that cannot be read.
 */
export function readSettings(config: HttpConfig): Settings {
  const tls = config.tls ?? null;
  const headers: Record<string, string> = { ...DEFAULT_SECURITY_HEADERS, ...(tls === null ? {} : TRANSPORT_SECURITY) };
  for (const [name, value] of Object.entries(config.securityHeaders ?? {})) headers[name.toLowerCase()] = value;
  return {
    port: config.port ?? 8080,
    host: config.host ?? '127.0.0.1',
    tls,
    limits: { ...DEFAULT_LIMITS, ...config.limits },
    cors: { ...DEFAULT_CORS, ...config.cors },
    securityHeaders: Object.entries(headers).filter(([, value]) => value !== ''),
    clients: trustProxies(config.trustedProxies ?? []),
  };
}
