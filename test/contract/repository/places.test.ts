import { createHash } from 'node:crypto';
import { deepStrictEqual, rejects, strictEqual } from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeArchive } from '@sluice/kernel/host/archive-writer';
import { download } from '@sluice/kernel/repository/download';
import { fetchArtifact, nameAndRange, openRepository, type Surroundings } from '@sluice/kernel/repository/locations';

function artifact(symbolicName: string, version: string, description = ''): Buffer {
  return writeArchive({
    'package.json': JSON.stringify({
      name: `@bank/${symbolicName.replaceAll('.', '-')}`,
      ...{ version, description },
      sluice: { sdk: '^1.0.0', symbolicName },
    }),
    'dist/bundle.cjs': '',
  });
}

describe('repository in a folder', () => {
  let folder: string;
  let surroundings: Surroundings;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-places-'));
    mkdirSync(join(folder, 'bundles'));
    surroundings = { folder, registry: { url: 'http://127.0.0.1:1' } };
    for (const version of ['1.0.0', '1.10.0', '1.9.0'])
      writeFileSync(join(folder, `bundles/ledger-${version}.tgz`), artifact('core.ledger', version));
    writeFileSync(join(folder, 'bundles/transfer.tgz'), artifact('business.transfer', '1.0.0', 'Moves money'));
    writeFileSync(join(folder, 'bundles/transfer.tgz.sig'), 'signed');
    writeFileSync(join(folder, 'bundles/broken.tgz'), 'no archive');
    writeFileSync(join(folder, 'bundles/README.md'), 'text');
  });
  after(() => rmSync(folder, { recursive: true }));

  it('lists versions by number, not by text, and passes over what is no artifact', async () => {
    const repository = openRepository('bundles', surroundings);
    deepStrictEqual(
      (await repository.versions('core.ledger')).map(({ version }) => version),
      ['1.10.0', '1.9.0', '1.0.0'],
    );
    deepStrictEqual(
      (await repository.search('MONEY')).map(({ name }) => name),
      ['business.transfer'],
    );
    deepStrictEqual(
      (await repository.search('')).map(({ name, version }) => `${name} ${version}`),
      ['business.transfer 1.0.0', 'core.ledger 1.10.0'],
    );
  });

  it('fetches by name and range, with the signature file beside it', async () => {
    strictEqual((await fetchArtifact('core.ledger@<1.10', ['bundles'], surroundings)).version, '1.9.0');
    strictEqual((await fetchArtifact('business.transfer', ['bundles'], surroundings)).signatures?.toString(), 'signed');
    const direct = await fetchArtifact('bundles/transfer.tgz', [], surroundings);
    deepStrictEqual([direct.name, direct.signatures?.toString()], ['business.transfer', 'signed']);
  });

  it('says what is there when the range is not, and names a broken file that was asked for', async () => {
    await rejects(fetchArtifact('core.ledger@^2.0.0', ['bundles'], surroundings), {
      code: 'REPOSITORY_UNKNOWN',
      details: { repository: join(folder, 'bundles'), name: 'core.ledger', range: '^2.0.0', versions: ['1.10.0', '1.9.0', '1.0.0'] },
    });
    await rejects(fetchArtifact('bundles/broken.tgz', [], surroundings), /ARCHIVE_|gzip|archive/i);
    await rejects(openRepository('nowhere', surroundings).search(''), { code: 'FILE_UNKNOWN' });
    await rejects(fetchArtifact('core.ledger', [], surroundings), { code: 'REPOSITORY_UNKNOWN' });
  });

  it('reads names with scopes and ranges', () => {
    deepStrictEqual(nameAndRange('@bank/core-ledger@^1.0.0'), { name: '@bank/core-ledger', range: '^1.0.0' });
    deepStrictEqual(nameAndRange('core.ledger'), { name: 'core.ledger', range: '*' });
  });
});

describe('repository behind a URL', () => {
  const bytes = artifact('core.ledger', '1.0.0');
  const digest = createHash('sha256').update(bytes).digest('hex');
  const surroundings = { folder: '/', registry: { url: 'http://127.0.0.1:1' } };
  let server: Server;
  let address: string;

  before(async () => {
    server = createServer((request, response) => {
      if (request.url === '/ledger.tgz') return void response.end(bytes);
      if (request.url === '/ledger.tgz.sig') return void response.end('signed');
      if (request.url === '/moved.tgz') return void response.writeHead(302, { location: '/ledger.tgz' }).end();
      if (request.url === '/broken.tgz') {
        response.writeHead(200, { 'content-length': bytes.length });
        return void response.write(bytes.subarray(0, 100), () => response.destroy());
      }
      if (request.url === '/private.tgz') {
        const allowed = request.headers.authorization === `Basic ${Buffer.from('lin:secret').toString('base64')}`;
        return void response.writeHead(allowed ? 200 : 401).end(allowed ? bytes : 'no');
      }
      if (request.url === '/failing.tgz') return void response.writeHead(500).end('no');
      response.writeHead(404).end();
    });
    server.listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());

  it('gives the artifact and its signatures', async () => {
    const found = await fetchArtifact(`${address}/ledger.tgz`, [], surroundings);
    deepStrictEqual([found.name, found.version, found.digest, found.signatures?.toString()], ['core.ledger', '1.0.0', digest, 'signed']);
    strictEqual((await fetchArtifact(`${address}/moved.tgz`, [], surroundings)).signatures, null);
    const repository = openRepository(`${address}/ledger.tgz`, surroundings);
    deepStrictEqual(
      (await repository.versions('core.ledger')).map(({ version }) => version),
      ['1.0.0'],
    );
    await rejects(repository.fetch('core.ledger', '^2.0.0'), { code: 'REPOSITORY_UNKNOWN' });
  });

  it('holds the bytes against the digest in the address', async () => {
    strictEqual((await fetchArtifact(`${address}/ledger.tgz#sha256=${digest}`, [], surroundings)).digest, digest);
    await rejects(fetchArtifact(`${address}/ledger.tgz#sha256=${'0'.repeat(64)}`, [], surroundings), { code: 'REPOSITORY_INTEGRITY' });
  });

  it('tells a missing, a failing, a broken and an absent server apart', async () => {
    await rejects(fetchArtifact(`${address}/nothing.tgz`, [], surroundings), { code: 'REPOSITORY_UNKNOWN' });
    await rejects(fetchArtifact(`${address}/failing.tgz`, [], surroundings), { code: 'REPOSITORY_UNREACHABLE', message: /answered 500/ });
    await rejects(fetchArtifact(`${address}/broken.tgz`, [], surroundings), {
      code: 'REPOSITORY_UNREACHABLE',
      message: /broke off after 100 bytes/,
    });
    await rejects(fetchArtifact('http://127.0.0.1:1/x.tgz', [], surroundings), { code: 'REPOSITORY_UNREACHABLE' });
  });

  it('stops at the size limit and shows no credentials', async () => {
    const known = address.replace('//', '//lin:secret@');
    strictEqual((await fetchArtifact(`${known}/private.tgz`, [], surroundings)).location, `${address}/private.tgz`);
    await rejects(download(`${known.replace('secret', 'guessed')}/private.tgz`, { bytesMax: 10 }), (error: Error) => {
      strictEqual(error.message, `Cannot read '${address}/private.tgz': it answered 401 Unauthorized`);
      return true;
    });
    await rejects(download(`${address}/ledger.tgz`, { bytesMax: 10 }), { code: 'REPOSITORY_TOO_LARGE' });
    strictEqual(await download(`${address}/nothing`, { bytesMax: 10 }), null);
  });
});
