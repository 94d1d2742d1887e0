/** `sluice tokens`, `tokens create`, `tokens revoke`. */
import type { ShownToken } from '../../admin/contract.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import { LIFE_MS_DEFAULT, type TokenRecord } from '../../trust/token.js';
import type { CommandContext, CommandInput } from '../command.js';
import { formatTime } from '../format.js';
import { renderTable, type Column } from '../table.js';
import { lifeOf, optionalText, patternsOf, requiredText } from '../trust-options.js';
import { asOwner, withOrWithoutKernel } from '../without-kernel.js';

const COLUMNS: readonly Column<ShownToken>[] = [
  { title: 'ID', value: (token) => token.id },
  { title: 'NAME', value: (token) => token.name, style: () => 'strong' },
  { title: 'ROLES', value: (token) => token.grants.map(({ role }) => role).join(', ') },
  { title: 'BUNDLES', value: (token) => [...new Set(token.grants.flatMap(({ bundles }) => bundles))].join(', '), flexible: true },
  { title: 'EXPIRES', value: (token) => formatTime(token.expiresAt) },
  { title: 'STATE', value: (token) => stateOf(token), style: (token) => (stateOf(token) === 'valid' ? 'good' : 'faint') },
];

/** Runs `sluice tokens`. */
export async function list(context: CommandContext): Promise<ExitCode> {
  const tokens = await withOrWithoutKernel(
    context,
    (client) => client.tokens(),
    (host) => host.withoutKernel(context.dataFolder, ({ office }) => Promise.resolve(office.tokens().map(withoutHash))),
  );
  if (context.json) context.terminal.out(JSON.stringify(tokens));
  else for (const line of renderTable(context.terminal, COLUMNS, tokens, 'There is no token')) context.terminal.out(line);
  return EXIT.ok;
}

/** Runs `sluice tokens create <name>`. The token alone goes to standard output, so that it can be sent into a file. */
export async function create(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const expires = optionalText(input, 'expires');
  const wish = {
    name: input.arguments[0] ?? '',
    roles: patternsOf(requiredText(input, 'role', '--role viewer')),
    bundles: patternsOf(optionalText(input, 'bundles') ?? '*'),
    lifeMs: expires === undefined ? LIFE_MS_DEFAULT : lifeOf(expires),
  };
  const created = await withOrWithoutKernel(
    context,
    (client) => client.createToken(wish),
    (host) =>
      asOwner(context, host, { action: 'createToken', target: wish.name }, async (office) => {
        const { record, token } = await office.createToken({ ...wish, by: context.actor });
        return { ...withoutHash(record), token };
      }),
  );
  if (context.json) context.terminal.out(JSON.stringify(created));
  else {
    context.terminal.out(created.token);
    context.terminal.note(`Token ${created.name} (${created.id}) until ${formatTime(created.expiresAt)}; it is not shown again`);
  }
  return EXIT.ok;
}

/** Runs `sluice tokens revoke <token>`. */
export async function revoke(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const [named = ''] = input.arguments;
  // Who pastes the secret itself must not find it in the records.
  const target = named.startsWith('slt_') ? '' : named;
  const token = await withOrWithoutKernel(
    context,
    (client) => client.revokeToken(named),
    (host) => asOwner(context, host, { action: 'revokeToken', target }, async (office) => withoutHash(await office.revokeToken(named))),
  );
  context.terminal.out(context.json ? JSON.stringify(token) : `Revoked token ${token.name} (${token.id})`);
  return EXIT.ok;
}

function withoutHash({ hash: _hash, ...token }: TokenRecord): ShownToken {
  return token;
}

function stateOf({ revokedAt, expiresAt }: ShownToken): string {
  return revokedAt !== null ? 'revoked' : expiresAt <= Date.now() ? 'expired' : 'valid';
}
