import { createHash } from 'node:crypto';
import { deepStrictEqual, rejects, strictEqual } from 'node:assert';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeArchive } from '@sluice/kernel/host/archive-writer';
import { fetchArtifact, openRepository, type Surroundings } from '@sluice/kernel/repository/locations';
import { signaturePackage } from '@sluice/kernel/repository/signature-package';
import { NpmRepository } from '@sluice/kernel/repository/npm-repository';
import { Registry } from './registry.js';

/** An artifact of a bundle. */
function artifact(symbolicName: string, version: string, description = ''): Buffer {
  return writeArchive({
    'package.json': JSON.stringify({
      name: `@bank/${symbolicName.replaceAll('.', '-')}`,
      ...{ version, description, license: 'Apache-2.0' },
      sluice: { sdk: '^1.0.0', symbolicName },
    }),
    'dist/bundle.cjs': `exports.of = '${version}';\n`,
  });
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('repository in a real npm registry', function () {
  this.timeout(60_000);
  let registry: Registry;
  let surroundings: Surroundings;
  const ledger = artifact('core.ledger', '1.1.0', 'Double-entry ledger');

  before(async () => {
    registry = await Registry.start();
    surroundings = { folder: '/nowhere', registry: { url: registry.url } };
    registry.publish('ledger-1.0.0.tgz', artifact('core.ledger', '1.0.0'), '--access', 'public');
    registry.publish('ledger-1.1.0.tgz', ledger);
    registry.publish('ledger-2.0.0-rc.1.tgz', artifact('core.ledger', '2.0.0-rc.1'), '--tag', 'next');
    registry.publish('transfer.tgz', artifact('business.transfer', '1.0.0', 'Moves money'));
    registry.publish('left-pad.tgz', writeArchive({ 'package.json': '{"name":"left-pad","version":"1.0.0"}', 'index.js': '' }));
    const signatures = (text: string, step: number) => signaturePackage(ledger, Buffer.from(text), 'ledger', step);
    registry.publish('s0.tgz', signatures('built', 0).bytes, '--access', 'public');
    registry.publish('s1.tgz', signatures('built and approved', 1).bytes, '--tag', 'latest');
  });
  after(() => registry.stop());

  it('lists versions newest first, by package and by symbolic name', async () => {
    const versions = ['2.0.0-rc.1', '1.1.0', '1.0.0'];
    const repository = new NpmRepository(surroundings.registry);
    deepStrictEqual(
      (await repository.versions('@bank/core-ledger')).map(({ version }) => version),
      versions,
    );
    deepStrictEqual(
      (await repository.versions('core.ledger')).map(({ version }) => version),
      versions,
    );
    deepStrictEqual(await repository.versions('core.nothing'), []);
  });

  it('finds bundles, and nothing else that lies in the registry', async () => {
    const repository = new NpmRepository(surroundings.registry);
    deepStrictEqual(
      (await repository.search('')).map(({ name, version, packageName }) => [name, version, packageName]),
      [
        ['business.transfer', '1.0.0', '@bank/business-transfer'],
        ['core.ledger', '2.0.0-rc.1', '@bank/core-ledger'],
      ],
    );
    deepStrictEqual(
      (await repository.search('transfer')).map(({ name, location }) => [name, location]),
      [['business.transfer', 'npm:@bank/business-transfer@1.0.0']],
    );
  });

  it('fetches the newest of a range, byte for byte what was published, with the newest signatures of the companion package', async () => {
    const { bytes, digest, signatures, ...rest } = await fetchArtifact('npm:@bank/core-ledger@^1.0.0', [], surroundings);
    strictEqual(digest, sha256(ledger));
    strictEqual(Buffer.compare(bytes, ledger), 0);
    strictEqual(signatures?.toString(), 'built and approved');
    deepStrictEqual(rest, {
      name: 'core.ledger',
      version: '1.1.0',
      packageName: '@bank/core-ledger',
      description: 'Double-entry ledger',
      location: 'npm:@bank/core-ledger@1.1.0',
    });
  });

  it('has no signatures where none were published', async () => {
    strictEqual((await fetchArtifact('npm:@bank/core-ledger@1.0.0', [], surroundings)).signatures, null);
  });

  it('takes a pre-release only when it is named', async () => {
    strictEqual((await fetchArtifact('npm:@bank/core-ledger', [], surroundings)).version, '1.1.0');
    strictEqual((await fetchArtifact('npm:@bank/core-ledger@2.0.0-rc.1', [], surroundings)).version, '2.0.0-rc.1');
  });

  it('looks for a bundle in several places, in order', async () => {
    const { location } = await fetchArtifact('core.ledger@~1.0.0', [`npm:${registry.url}`], surroundings);
    strictEqual(location, 'npm:@bank/core-ledger@1.0.0');
    await rejects(fetchArtifact('core.ledger@^7.0.0', ['npm:'], surroundings), {
      code: 'REPOSITORY_UNKNOWN',
      message: `'${registry.url}/' has no 'core.ledger' in '^7.0.0': it has 2.0.0-rc.1, 1.1.0, 1.0.0`,
    });
  });

  it('refuses a package that is no bundle, and says what a real one is', async () => {
    await rejects(fetchArtifact('npm:left-pad', [], surroundings), { code: 'REPOSITORY_UNKNOWN' });
    await rejects(fetchArtifact('npm:@bank/nothing', [], surroundings), { code: 'REPOSITORY_UNKNOWN' });
  });
});

describe('repository in a registry that lies', () => {
  const genuine = artifact('core.ledger', '1.0.0');
  let served = genuine;
  let dist: Record<string, unknown> = {};
  let asked: string[] = [];
  let server: Server;
  let repository: NpmRepository;

  before(async () => {
    server = createServer((request, response) => {
      asked.push(`${request.url} ${request.headers.authorization ?? 'nobody'}`);
      if (request.url?.endsWith('.tgz')) return void response.end(served);
      if (request.url?.includes('signatures')) return void response.writeHead(404).end();
      const version = { name: '@bank/core-ledger', version: '1.0.0', sluice: { symbolicName: 'core.ledger' }, dist };
      response.end(JSON.stringify({ versions: { '1.0.0': version } }));
    });
    server.listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    const { port } = server.address() as AddressInfo;
    repository = new NpmRepository({ url: `http://127.0.0.1:${port}`, token: 'secret' });
  });
  after(() => server.close());
  beforeEach(() => {
    served = genuine;
    asked = [];
    dist = { tarball: '/x.tgz', integrity: `sha512-${createHash('sha512').update(genuine).digest('base64')}` };
  });

  it('serves what the integrity says', async () => {
    strictEqual((await repository.fetch('@bank/core-ledger', '*')).digest, sha256(genuine));
    deepStrictEqual(asked, ['/@bank%2fcore-ledger Bearer secret', '/x.tgz Bearer secret', '/@bank%2fcore-ledger-signatures Bearer secret']);
  });

  it('is caught with other bytes than it published', async () => {
    served = Buffer.concat([genuine.subarray(0, -1), Buffer.from([genuine.at(-1) === 0 ? 1 : 0])]);
    await rejects(repository.fetch('@bank/core-ledger', '*'), { code: 'REPOSITORY_INTEGRITY' });
  });

  it('is not believed with SHA-1 alone, or without any hash', async () => {
    dist = { tarball: '/x.tgz', shasum: createHash('sha1').update(genuine).digest('hex') };
    await rejects(repository.fetch('@bank/core-ledger', '*'), { code: 'REPOSITORY_INTEGRITY' });
    dist = { tarball: '/x.tgz', integrity: `sha1-${createHash('sha1').update(genuine).digest('base64')}` };
    await rejects(repository.fetch('@bank/core-ledger', '*'), { code: 'REPOSITORY_INTEGRITY' });
  });

  it('is caught with another bundle under the name', async () => {
    served = artifact('core.other', '1.0.0');
    dist = { tarball: '/x.tgz', integrity: `sha512-${createHash('sha512').update(served).digest('base64')}` };
    await rejects(repository.fetch('@bank/core-ledger', '*'), { code: 'REPOSITORY_CONTENT' });
  });

  it('gets the token only on its own host', async () => {
    const { port } = server.address() as AddressInfo;
    dist = { ...dist, tarball: `http://localhost:${port}/x.tgz` };
    await repository.fetch('@bank/core-ledger', '*');
    deepStrictEqual(
      asked.filter((line) => line.startsWith('/x.tgz')),
      ['/x.tgz nobody'],
    );
  });

  it('that answers with something else is named', async () => {
    const other = createServer((_request, response) => void response.end('<html>'));
    other.listen(0, '127.0.0.1');
    await new Promise((done) => other.once('listening', done));
    const { port } = other.address() as AddressInfo;
    await rejects(new NpmRepository({ url: `http://127.0.0.1:${port}` }).versions('@bank/x'), { code: 'REPOSITORY_UNREACHABLE' });
    other.close();
    await new Promise((done) => other.once('close', done));
    await rejects(openRepository('npm:', { folder: '/', registry: { url: `http://127.0.0.1:${port}` } }).versions('@bank/x'), {
      code: 'REPOSITORY_UNREACHABLE',
      retryable: true,
    });
  });
});
