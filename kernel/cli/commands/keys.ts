/** `sluice keys`, `keys create`, `keys trust`, `keys revoke`. */
import { readFile, writeFile, mkdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { SluiceError } from '../../admin/errors.js';
import type { TrustedKey } from '../../admin/contract.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import { createKeyPair } from '../../trust/key.js';
import { SIGNER_ROLES, type SignerRole } from '../../trust/signature.js';
import type { CommandContext, CommandInput } from '../command.js';
import { formatTime } from '../format.js';
import { optionalText, passphraseOf, patternsOf, requiredText } from '../trust-options.js';
import { renderTable, type Column } from '../table.js';
import { asOwner, withOrWithoutKernel } from '../without-kernel.js';

const COLUMNS: readonly Column<TrustedKey>[] = [
  { title: 'ID', value: (key) => key.id },
  { title: 'NAME', value: (key) => key.name, style: () => 'strong' },
  { title: 'ROLE', value: (key) => key.role },
  { title: 'SIGNS', value: (key) => key.prefixes.join(', '), flexible: true },
  { title: 'SINCE', value: (key) => formatTime(key.trustedAt) },
  {
    title: 'STATE',
    value: (key) => (key.revoked === null ? 'trusted' : `revoked ${formatTime(key.revoked.at)} ${key.revoked.reason}`.trimEnd()),
    style: (key) => (key.revoked === null ? 'good' : 'bad'),
    flexible: true,
  },
];

/** Runs `sluice keys`. */
export async function list(context: CommandContext): Promise<ExitCode> {
  const keys = await allKeys(context);
  if (context.json) context.terminal.out(JSON.stringify(keys));
  else for (const line of renderTable(context.terminal, COLUMNS, keys, 'No key is trusted')) context.terminal.out(line);
  return EXIT.ok;
}

/** Runs `sluice keys create <name>`. */
export async function create(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const [name = ''] = input.arguments;
  if (!/^[\w.@-]{1,64}$/.test(name) || name.startsWith('.')) {
    throw new SluiceError('USAGE_ARGUMENT', `'${name}' is no name for a key: expected up to 64 letters, digits, '.', '_', '@', '-'`, {
      httpStatus: 400,
    });
  }
  const folder = resolve(context.workingFolder, optionalText(input, 'out') ?? '.');
  const pair = createKeyPair(await passphraseOf(context, input));
  const [privateFile, publicFile] = [join(folder, `${name}.key.pem`), join(folder, `${name}.pub.pem`)];
  await mkdir(folder, { recursive: true });
  try {
    // Never over an existing one: a lost private key cannot be had again.
    await writeFile(privateFile, pair.privatePem, { flag: 'wx', mode: 0o600 });
    await writeFile(publicFile, pair.publicPem, { flag: 'wx', mode: 0o644 });
  } catch (cause) {
    throw new SluiceError('KEY_FILE_CONFLICT', `Cannot write the key '${name}' into '${folder}': ${(cause as Error).message}`, {
      details: { folder, name },
      cause,
      httpStatus: 409,
      remedy: 'Choose another name or folder; a key is never overwritten',
    });
  }
  if (context.json) context.terminal.out(JSON.stringify({ id: pair.id, privateFile, publicFile }));
  else {
    context.terminal.out(`Key ${pair.id}`);
    context.terminal.out(`  private  ${privateFile}  keep it where the signer is, nowhere else`);
    context.terminal.out(`  public   ${publicFile}  \`sluice keys trust\` takes it up`);
  }
  return EXIT.ok;
}

/** Runs `sluice keys trust <file>`. */
export async function trust(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const file = resolve(context.workingFolder, input.arguments[0] ?? '');
  const publicKey = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new SluiceError('FILE_UNKNOWN', `Cannot read the key file '${file}'`, { details: { path: file }, httpStatus: 404, cause });
  });
  const role = requiredText(input, 'role', `--role ${SIGNER_ROLES.join(' or ')}`) as SignerRole;
  const prefixes = patternsOf(requiredText(input, 'prefix', "--prefix 'business.*'"));
  const wish = { name: optionalText(input, 'name') ?? basename(file).replace(/(\.pub)?\.pem$/, ''), role, prefixes, publicKey };
  const what = { action: 'trustKey', target: wish.name };
  const key = await withOrWithoutKernel(
    context,
    (client) => client.trustKey(wish),
    (host) => asOwner(context, host, what, (office) => office.trustKey({ ...wish, by: context.actor })),
  );
  return shown(context, key, `Trusted ${key.name} (${key.id}) to sign ${key.prefixes.join(', ')} as ${key.role}`);
}

/** Runs `sluice keys revoke <id>`. */
export async function revoke(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const [named = ''] = input.arguments;
  const reason = optionalText(input, 'reason') ?? '';
  const id = (await allKeys(context)).find((key) => key.name === named && key.revoked === null)?.id ?? named;
  const key = await withOrWithoutKernel(
    context,
    (client) => client.revokeKey(id, reason),
    (host) => asOwner(context, host, { action: 'revokeKey', target: id }, (office) => office.revokeKey(id, context.actor, reason)),
  );
  return shown(context, key, `Revoked ${key.name} (${key.id})`);
}

function allKeys(context: CommandContext): Promise<readonly TrustedKey[]> {
  return withOrWithoutKernel(
    context,
    (client) => client.keys(),
    (host) => host.withoutKernel(context.dataFolder, ({ office }) => Promise.resolve(office.ring.list())),
  );
}

function shown(context: CommandContext, key: TrustedKey, text: string): ExitCode {
  context.terminal.out(context.json ? JSON.stringify(key) : text);
  return EXIT.ok;
}
