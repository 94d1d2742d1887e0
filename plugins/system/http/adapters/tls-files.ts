/** Reads certificate and key from their files. Never lets their content into a message. */
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { messageOf, SluiceError } from '@sluice/sdk';
import type { TlsConfig } from '../domain/settings.js';

/**
 * @returns what a TLS server needs; undefined without TLS.
 * @throws SluiceError `TLS_FILES_INVALID` when a file cannot be read, or certificate and key do not fit.
 */
export async function readTls(config: TlsConfig | null): Promise<SecureContextOptions | undefined> {
  if (config === null) return undefined;
  const { certFile, keyFile, clientCaFile, minVersion } = config;
  try {
    const [cert, key, ca] = await Promise.all([
      readFile(certFile),
      readFile(keyFile),
      clientCaFile === undefined ? undefined : readFile(clientCaFile),
    ]);
    const options = {
      cert,
      key,
      minVersion: minVersion ?? 'TLSv1.2',
      ...(ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true }),
    } as const;
    createSecureContext(options);
    return options;
  } catch (error) {
    throw new SluiceError('TLS_FILES_INVALID', `Certificate '${certFile}' and key '${keyFile}' cannot be used: ${messageOf(error)}`, {
      details: { certFile, keyFile, ...(clientCaFile === undefined ? {} : { clientCaFile }) },
      remedy: 'Check that both files exist, are readable by the process, hold PEM and belong together.',
      httpStatus: 422,
      cause: error,
    });
  }
}
