/** The admin interface on TCP: TLS, client certificates, names of the server, requests from web pages. Keys are those of the http tests. */
import { deepStrictEqual as equal, rejects } from 'node:assert';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdminClient } from '@sluice/kernel/admin/client';
import type { AdminListenOptions } from '@sluice/kernel/admin/server';
import { remoteKernel } from '@sluice/kernel/cli/remote-kernel';
import { startTestServer, type TestServer } from './admin-server.js';
import { ScriptedRuntime, STATUS } from './scripted-runtime.js';

const FOLDER = join(process.cwd(), 'test/contract/http/tls');
const file = (name: string): string => join(FOLDER, name);
const text = (name: string): string => readFileSync(file(name), 'utf8');
const LOOPBACK: AdminListenOptions = { host: '127.0.0.1', port: 0 };
const TLS = { certFile: file('first.pem'), keyFile: file('first.key') };

describe('the admin interface on TCP', () => {
  let folder: string;
  let server: TestServer | null;

  const start = async (listen: AdminListenOptions): Promise<{ url: string; token: string }> => {
    server = await startTestServer(new ScriptedRuntime(), folder, listen);
    const { token } = await server.trust.office.createToken({ name: 'ci', roles: ['admin'], bundles: ['*'], lifeMs: 60_000, by: 'test' });
    return { url: server.url ?? '', token };
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-listener-'));
    server = null;
  });

  afterEach(async () => {
    await server?.close();
    rmSync(folder, { recursive: true });
  });

  it('serves the same client over TLS, with the name of the token as actor', async () => {
    const runtime = new ScriptedRuntime();
    server = await startTestServer(runtime, folder, { ...LOOPBACK, tls: TLS });
    const { token } = await server.trust.office.createToken({ name: 'ci', roles: ['admin'], bundles: ['*'], lifeMs: 60_000, by: 'test' });
    const client = new AdminClient('', 'somebody else', { url: server.url ?? '', token, ca: text('first.pem') });
    equal((await client.status()).pid, STATUS.pid);
    await client.stop('core.ledger');
    equal(runtime.calls.at(-1), ['stop', 'core.ledger', { actor: 'token:ci' }]);
    await rejects(new AdminClient('', 'x', { url: server.url ?? '', token, ca: text('second.pem') }).status(), {
      code: 'SERVER_UNREACHABLE',
    });
  });

  it('lets in only clients with a certificate of the authority, where it is told one, and still wants the token', async () => {
    const { url, token } = await start({ ...LOOPBACK, tls: { ...TLS, caFile: file('second.pem') } });
    const ca = text('first.pem');
    const own = { cert: text('second.pem'), key: text('second.key') };
    equal((await new AdminClient('', 'x', { url, token, ca, ...own }).status()).pid, STATUS.pid);
    await rejects(new AdminClient('', 'x', { url, token, ca }).status(), { code: 'SERVER_UNREACHABLE' });
    await rejects(new AdminClient('', 'x', { url, token: 'slt_wrong', ca, ...own }).status(), { code: 'TOKEN_UNKNOWN', httpStatus: 401 });
  });

  it('does not begin to listen beyond this machine without TLS, with wrong files, or on a taken port', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'bank.example']) {
      await rejects(start({ host, port: 0 }), { code: 'ADMIN_TLS_REQUIRED' });
    }
    await rejects(start({ ...LOOPBACK, tls: { certFile: file('none.pem'), keyFile: file('first.key') } }), { code: 'ADMIN_TLS_INVALID' });
    const { url } = await start(LOOPBACK);
    const other = mkdtempSync(join(tmpdir(), 'sluice-listener-'));
    await rejects(startTestServer(new ScriptedRuntime(), other, { host: '127.0.0.1', port: Number(new URL(url).port) }), {
      code: 'ADMIN_LISTEN_FAILED',
    });
    rmSync(other, { recursive: true });
  });

  it('does not listen at all unless it is asked to', async () => {
    server = await startTestServer(new ScriptedRuntime(), folder);
    equal(server.url, null);
  });

  it('refuses every one of 50 requests as a web page would send them, valid token or not', async () => {
    const { url, token } = await start(LOOPBACK);
    const origins = ['https://evil.example', 'null', 'http://localhost', url, 'http://127.0.0.1:1'];
    const sites = ['cross-site', 'same-site', 'same-origin'];
    const ways = [
      ['GET', '/v1/status'],
      ['POST', '/v1/bundles/core.ledger/stop'],
      ['POST', '/v1/shutdown'],
      ['PUT', '/v1/config/core.ledger'],
      ['OPTIONS', '/v1/status'],
    ] as const;
    const credentials = [{ authorization: `Bearer ${token}` }, { cookie: `token=${token}; authorization=${token}` }];
    let sent = 0;
    for (const [index, [method, path]] of ways.entries()) {
      for (const headers of [
        ...origins.map((origin) => ({ origin })),
        ...sites.map((site) => ({ 'sec-fetch-site': site })),
        { origin: 'null', 'sec-fetch-site': 'none' },
        { origin: '' },
      ]) {
        const credential = credentials[(index + sent) % 2];
        equal(
          [method, headers, await ask(url, method, path, { ...headers, ...credential })],
          [method, headers, [403, 'ADMIN_ORIGIN_REFUSED']],
        );
        sent += 1;
      }
    }
    equal(sent, 50);
  });

  it('takes a token from the Authorization header and from nowhere else', async () => {
    const { url, token } = await start(LOOPBACK);
    const bearer = { authorization: `Bearer ${token}` };
    equal(await ask(url, 'GET', '/v1/status', bearer), [200, undefined]);
    const wrong: readonly Record<string, string>[] = [
      { cookie: `token=${token}` },
      { cookie: `authorization=Bearer ${token}` },
      { authorization: `Basic ${Buffer.from(`ci:${token}`).toString('base64')}` },
      { authorization: token },
      { 'x-authorization': `Bearer ${token}` },
    ];
    for (const headers of wrong) equal(await ask(url, 'GET', '/v1/status', headers), [401, 'TOKEN_REQUIRED']);
    equal(await ask(url, 'GET', `/v1/status?token=${token}`, {}), [401, 'TOKEN_REQUIRED']);
  });

  it('answers only to its own names: a page whose name was pointed here is refused', async () => {
    const { url, token } = await start({ ...LOOPBACK });
    const bearer = { authorization: `Bearer ${token}` };
    for (const host of ['evil.example', '127.0.0.1.evil.example', 'first.test', '169.254.169.254']) {
      equal([host, await ask(url, 'GET', '/v1/status', { ...bearer, host })], [host, [421, 'ADMIN_HOST_REFUSED']]);
    }
    for (const host of ['localhost', '127.0.0.1:99', 'LOCALHOST:1'])
      equal((await ask(url, 'GET', '/v1/status', { ...bearer, host }))[0], 200);
  });

  it('is named with its token in options or environment, and never over a network in clear text', async () => {
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, 'slt_abc\n');
    equal(remoteKernel({}, {}), undefined);
    equal(remoteKernel({ server: 'https://bank:8443', tokenFile }, {}), { url: 'https://bank:8443', token: 'slt_abc' });
    equal(remoteKernel({}, { SLUICE_SERVER: 'https://bank:8443', SLUICE_TOKEN: 'slt_x' }), { url: 'https://bank:8443', token: 'slt_x' });
    for (const [url, code] of [
      ['http://bank.example:8443', 'USAGE_SERVER'],
      ['ftp://localhost', 'USAGE_SERVER'],
      ['bank', 'USAGE_SERVER'],
      ['https://a:b@bank', 'USAGE_SERVER'],
    ] as const) {
      await rejects(async () => new AdminClient('', 'x', { url, token: 'slt_abc' }).status(), { code });
    }
  });
});

function ask(url: string, method: string, path: string, headers: Readonly<Record<string, string>>): Promise<[number, string | undefined]> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}${path}`, { method, headers: { ...headers }, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const { code } = JSON.parse(Buffer.concat(chunks).toString() || '{}') as { code?: string };
        resolve([response.statusCode ?? 0, code]);
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}
