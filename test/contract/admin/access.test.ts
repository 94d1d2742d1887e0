/**
 * Every route for every role, over a real TCP listener with real tokens. The table of what a role may is written here a second time, on
 * purpose: a slip in the table of the server then shows as a difference.
 */
import { deepStrictEqual as equal, ok } from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEMANDS } from '@sluice/kernel/admin/access';
import { ENDPOINTS, type EndpointName } from '@sluice/kernel/admin/contract';
import { writeFrames } from '@sluice/kernel/admin/frames';
import { ROLES, type Role } from '@sluice/kernel/trust/roles';
import { bundleOf, digestOf, signed } from '../trust/signed-bundles.js';
import { startTestServer, type TestServer } from './admin-server.js';
import { ScriptedRuntime } from './scripted-runtime.js';

const EVERYBODY: readonly Role[] = ['viewer', 'developer', 'operator', 'approver', 'auditor', 'admin'];
const OPERATORS: readonly Role[] = ['operator', 'admin'];
const ADMIN: readonly Role[] = ['admin'];

/** Who may use a route over everything. */
const ALLOWED: Readonly<Record<EndpointName, readonly Role[]>> = {
  openapi: EVERYBODY,
  status: EVERYBODY,
  bundles: EVERYBODY,
  inspect: EVERYBODY,
  why: EVERYBODY,
  services: EVERYBODY,
  routes: EVERYBODY,
  history: EVERYBODY,
  releases: EVERYBODY,
  desiredState: EVERYBODY,
  artifactOf: EVERYBODY,
  leaks: EVERYBODY,
  figures: EVERYBODY,
  dump: ADMIN,
  logs: EVERYBODY,
  followLogs: EVERYBODY,
  followEvents: EVERYBODY,
  configOf: EVERYBODY,
  configHistory: EVERYBODY,
  artifacts: EVERYBODY,
  keys: EVERYBODY,
  configSet: OPERATORS,
  start: OPERATORS,
  stop: OPERATORS,
  uninstall: OPERATORS,
  rollback: OPERATORS,
  rollbackRelease: OPERATORS,
  confirm: OPERATORS,
  setStartLevel: OPERATORS,
  shutdown: OPERATORS,
  // With bytes in the body it takes upload and activate: no single role but admin has both.
  deploy: ADMIN,
  install: ADMIN,
  update: ADMIN,
  deployRelease: ADMIN,
  upload: ['developer', 'admin'],
  addSignatures: ['approver', 'admin'],
  backup: ADMIN,
  trustKey: ADMIN,
  revokeKey: ADMIN,
  tokens: ADMIN,
  createToken: ADMIN,
  revokeToken: ADMIN,
  audit: ['auditor', 'admin'],
  verifyAudit: ['auditor', 'admin'],
};

/** Of the routes about one bundle or about bundles of a body, the rest is about everything: closed to who is bound to some names. */
const ABOUT_BUNDLES: ReadonlySet<EndpointName> = new Set([
  ...([
    'openapi',
    'status',
    'bundles',
    'inspect',
    'why',
    'services',
    'routes',
    'history',
    'artifactOf',
    'leaks',
    'logs',
    'followLogs',
  ] as const),
  ...([
    'followEvents',
    'configOf',
    'configHistory',
    'artifacts',
    'keys',
    'configSet',
    'start',
    'stop',
    'uninstall',
    'rollback',
    'confirm',
  ] as const),
  ...(['deploy', 'install', 'update', 'upload', 'addSignatures'] as const),
]);
/** Of those, the ones that name their bundles: closed to who is bound to other names. */
const NAME_THEIRS: ReadonlySet<EndpointName> = new Set([
  ...([
    'inspect',
    'why',
    'artifactOf',
    'configOf',
    'configHistory',
    'configSet',
    'start',
    'stop',
    'uninstall',
    'rollback',
    'confirm',
  ] as const),
  ...(['deploy', 'install', 'update', 'upload', 'addSignatures'] as const),
]);

const NAMES = Object.keys(ENDPOINTS) as EndpointName[];
const ARTIFACT = bundleOf('core.ledger');
const BODIES: Partial<Record<EndpointName, unknown>> = {
  configSet: { set: {} },
  setStartLevel: { level: 1 },
  backup: { target: '/nowhere/backup.tgz' },
  trustKey: {},
  revokeKey: {},
  createToken: {},
  revokeToken: {},
  addSignatures: JSON.parse(signed(ARTIFACT, 'core.ledger', '1.0.0', ['release']).toString()) as unknown,
};

describe('access to the admin interface', () => {
  let folder: string;
  let server: TestServer;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-access-'));
    server = await startTestServer(new QuietRuntime(), folder, { host: '127.0.0.1', port: 0 });
    await server.trust.shelf.store([ARTIFACT], [], 'test');
  });

  afterEach(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  const tokenFor = async (roles: readonly string[], bundles: readonly string[]): Promise<string> => {
    const name = `t${server.trust.office.tokens().length}`;
    return (await server.trust.office.createToken({ name, roles, bundles, lifeMs: 60_000, by: 'test' })).token;
  };

  /** `401`, `403` with its code, or `may`: whatever else the route then answers. */
  const ask = async (name: EndpointName, token: string | null): Promise<string> => {
    const { status, code } = await send(server.url ?? '', name, token);
    return status === 401 ? `401 ${code}` : code === 'ACCESS_REFUSED' ? '403' : 'may';
  };

  const table = async (token: string | null): Promise<Record<string, string>> => {
    const answers: Record<string, string> = {};
    for (const name of NAMES) answers[name] = await ask(name, token);
    return answers;
  };
  const expected = (verdict: (name: EndpointName) => string): Record<string, string> =>
    Object.fromEntries(NAMES.map((name) => [name, verdict(name)]));

  it('is asked for by every route: none is left to the default', () => {
    equal(
      NAMES.filter((name) => DEMANDS[name] === undefined),
      [],
    );
    equal(Object.keys(ROLES), EVERYBODY);
  });

  for (const role of EVERYBODY) {
    it(`is given to ${role} as its rights say: over everything, over the bundle, over another one`, async () => {
      const may = (name: EndpointName): boolean => ALLOWED[name].includes(role);
      equal(
        await table(await tokenFor([role], ['*'])),
        expected((name) => (may(name) ? 'may' : '403')),
      );
      equal(
        await table(await tokenFor([role], ['core.*'])),
        expected((name) => (may(name) && ABOUT_BUNDLES.has(name) ? 'may' : '403')),
      );
      const elsewhere = (name: EndpointName): string => (may(name) && ABOUT_BUNDLES.has(name) && !NAME_THEIRS.has(name) ? 'may' : '403');
      equal(await table(await tokenFor([role], ['business.*'])), expected(elsewhere));
    });
  }

  it('is given to nobody without a valid token, and each refusal is recorded', async () => {
    const revoked = await tokenFor(['admin'], ['*']);
    await server.trust.office.revokeToken('t0');
    equal(
      await table(null),
      expected(() => '401 TOKEN_REQUIRED'),
    );
    equal(
      await table(revoked),
      expected(() => '401 TOKEN_REVOKED'),
    );
    equal(await ask('status', 'slt_nobody'), '401 TOKEN_UNKNOWN');
    const refused = (await server.trust.audit.read(1_000)).filter(({ phase }) => phase === 'refused');
    ok(refused.length === 2 * NAMES.length + 1, `${refused.length} refusals are recorded`);
    ok(refused.every(({ actor, code }) => actor === 'unknown' && code?.startsWith('TOKEN_') === true));
  });

  it('records who was refused what, with name and role', async () => {
    await ask('stop', await tokenFor(['viewer'], ['*']));
    const [last] = await server.trust.audit.read(1);
    equal(
      [last?.actor, last?.role, last?.action, last?.target, last?.phase, last?.code],
      ['token:t0', 'viewer', 'stop', 'core.ledger', 'refused', 'ACCESS_REFUSED'],
    );
  });

  it('counts the refusals of a flood of strangers, so that they cannot fill the disk', async () => {
    for (let sent = 0; sent < 130; sent += 1) await ask('status', null);
    await server.close();
    const { trust } = (server = await startTestServer(new QuietRuntime(), folder));
    const refused = (await trust.audit.read(1_000)).filter(({ phase }) => phase === 'refused');
    equal([refused.length, refused.at(-1)?.outcome, refused.at(-1)?.code], [101, '30 more refused', 'REFUSALS_COUNTED']);
  });

  it('shows who is bound to some bundles only those', async () => {
    const core = await tokenFor(['viewer'], ['core.*']);
    const business = await tokenFor(['viewer'], ['business.*']);
    const rows = async (name: EndpointName, token: string): Promise<number> =>
      (JSON.parse((await send(server.url ?? '', name, token)).body) as unknown[]).length;
    for (const name of ['bundles', 'services', 'artifacts'] as const)
      equal([name, await rows(name, core), await rows(name, business)], [name, 1, 0]);
    const status = JSON.parse((await send(server.url ?? '', 'status', business)).body) as { alarms: unknown[]; dataFolder: string };
    equal([status.alarms, status.dataFolder], [[], '']);
  });

  it('names an uploaded or sent bundle by what it is, and takes two rights from who sends bytes to run', async () => {
    const both = await tokenFor(['developer', 'operator'], ['core.*']);
    equal(await ask('deploy', both), 'may');
    const digest = digestOf(ARTIFACT);
    const stored = async (token: string): Promise<string | undefined> =>
      (await send(server.url ?? '', 'deploy', token, { digests: [digest] })).code;
    equal(await stored(await tokenFor(['operator'], ['core.*'])), undefined);
    equal(await stored(await tokenFor(['operator'], ['business.*'])), 'ACCESS_REFUSED');
    equal(await stored(await tokenFor(['developer'], ['core.*'])), 'ACCESS_REFUSED');
    const down = (token: string) => send(server.url ?? '', 'deploy', token, { digests: [digest] }, '?allowDowngrade=true');
    equal((await down(await tokenFor(['operator'], ['core.*']))).code, 'ACCESS_REFUSED');
    equal((await down(await tokenFor(['operator', 'approver'], ['core.*']))).code, undefined);
  });

  it('records what is done under the name of a plan: moving the start level cannot be planned', async () => {
    await send(server.url ?? '', 'setStartLevel', await tokenFor(['admin'], ['*']), { level: 1 }, '?dryRun=true');
    equal(
      (await server.trust.audit.read(2)).map(({ action, phase, target }) => [action, phase, target]),
      [
        ['setStartLevel', 'begin', '1'],
        ['setStartLevel', 'end', 'core.ledger'],
      ],
    );
  });
});

/** A shutdown that is allowed must not end the test. */
class QuietRuntime extends ScriptedRuntime {
  override shutdown = () => Promise.resolve();
}

function send(
  url: string,
  name: EndpointName,
  token: string | null,
  json: unknown = BODIES[name],
  query = '',
): Promise<{ status: number; code: string | undefined; body: string }> {
  const { method, path, body: kind, answer } = ENDPOINTS[name];
  const parts = kind === 'release' ? [Buffer.from('{}'), ARTIFACT] : [ARTIFACT];
  const isJson = json !== undefined;
  const body = isJson ? Buffer.from(JSON.stringify(json)) : kind === 'none' || kind === 'json' ? undefined : writeFrames(parts);
  const headers = {
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined
      ? {}
      : { 'content-type': isJson ? 'application/json' : 'application/vnd.sluice.artifacts', 'content-length': body.length }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}${path.replace('{bundle}', 'core.ledger')}${query}`, { method, headers, agent: false }, (response) => {
      const status = response.statusCode ?? 0;
      // A stream goes on until its reader leaves.
      if (answer === 'follow' && status === 200) {
        response.destroy();
        return resolve({ status, code: undefined, body: '' });
      }
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const isProblem = response.headers['content-type'] === 'application/problem+json';
        resolve({ status, code: isProblem ? (JSON.parse(text) as { code: string }).code : undefined, body: text });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
