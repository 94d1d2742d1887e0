/** Which kernel a command line talks to: the one on the data folder, or one on TCP with a token from a file. */
import { readFileSync } from 'node:fs';
import { SluiceError } from '../admin/errors.js';
import type { RemoteKernel } from '../admin/remote.js';

/** The kernel that --server or the environment names; undefined for the one on the data folder. */
export function remoteKernel(
  options: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
): RemoteKernel | undefined {
  const named = (option: string, variable: string): string | undefined => {
    const value = options[option] ?? environment[variable];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const url = named('server', 'SLUICE_SERVER');
  if (url === undefined) return undefined;
  const tokenFile = named('tokenFile', 'SLUICE_TOKEN_FILE');
  const token = tokenFile === undefined ? environment['SLUICE_TOKEN'] : read(tokenFile, 'token');
  if (token === undefined || token.trim() === '') {
    throw new SluiceError('USAGE_TOKEN', `A token is needed for '${url}', and none is given`, {
      httpStatus: 400,
      remedy: 'Name a file that holds it with --token-file, or set SLUICE_TOKEN_FILE',
    });
  }
  const caFile = named('caFile', 'SLUICE_CA_FILE');
  const [certFile, keyFile] = (named('clientCert', 'SLUICE_CLIENT_CERT') ?? '').split(',');
  return {
    url,
    token: token.trim(),
    ...(caFile === undefined ? {} : { ca: read(caFile, 'authority') }),
    ...(certFile === undefined || certFile === '' ? {} : { cert: read(certFile, 'certificate') }),
    ...(keyFile === undefined ? {} : { key: read(keyFile, 'key') }),
  };
}

function read(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SluiceError('FILE_UNKNOWN', `Cannot read the file with the ${what}, '${file}'`, {
      details: { path: file },
      httpStatus: 404,
      cause,
    });
  }
}
