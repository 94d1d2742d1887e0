/** Reads the options of `sluice start` about trust and the admin interface on TCP. */
import { resolve } from 'node:path';
import { SluiceError } from '../admin/errors.js';
import type { AdminListenOptions } from '../admin/server.js';
import type { Policy } from '../trust/policy.js';
import type { CommandContext, CommandInput } from './command.js';
import { optionalText } from './trust-options.js';

/**
 * What a kernel is started with.
 * @throws SluiceError `USAGE_OPTION`.
 */
export function trustOptions(context: CommandContext, input: CommandInput): { trustPolicy?: Policy; adminListen?: AdminListenOptions } {
  const policy = optionalText(input, 'trust');
  const address = optionalText(input, 'adminListen');
  const files = optionalText(input, 'adminTls');
  if (address === undefined && files !== undefined) throw usage('--admin-tls says how, --admin-listen says where: it is missing');
  return {
    ...(policy === undefined ? {} : { trustPolicy: policy as Policy }),
    ...(address === undefined
      ? {}
      : { adminListen: { ...addressOf(address), ...(files === undefined ? {} : { tls: tlsOf(context, files) }) } }),
  };
}

function addressOf(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const [host, port] = [match?.[1] ?? match?.[2], Number(match?.[3])];
  if (host === undefined || !(port <= 65_535)) throw usage(`--admin-listen '${text}' is no host:port`);
  return { host, port };
}

function tlsOf(context: CommandContext, text: string): NonNullable<AdminListenOptions['tls']> {
  const [certFile, keyFile, caFile, ...more] = text.split(',').map((file) => resolve(context.workingFolder, file.trim()));
  if (certFile === undefined || keyFile === undefined || more.length > 0)
    throw usage(`--admin-tls '${text}' is not certificate,key or certificate,key,authority`);
  return { certFile, keyFile, ...(caFile === undefined ? {} : { caFile }) };
}

function usage(message: string): SluiceError {
  return new SluiceError('USAGE_OPTION', message, {
    httpStatus: 400,
    remedy: '--admin-listen 127.0.0.1:8443 --admin-tls cert.pem,key.pem',
  });
}
