/** The whole way of a release: packed, signed, published with the real npm client, fetched by the real command line, judged by a real kernel. */
import { deepStrictEqual, match, strictEqual } from 'node:assert';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeArchive } from '@sluice/kernel/host/archive-writer';
import { sluice } from '../../e2e/cli/sluice-process.js';
import { System } from '../../support/system.js';
import { Registry } from './registry.js';

function hello(version: string): Buffer {
  return writeArchive({
    'package.json': JSON.stringify({
      ...{ name: '@bank/business-hello', version, license: 'Apache-2.0' },
      sluice: { sdk: '^1.0.0', symbolicName: 'business.hello' },
    }),
    'dist/bundle.cjs': `exports.default = require('@sluice/sdk').defineBundle({}); // ${version}\n`,
  });
}

describe('a signed bundle out of a registry', function () {
  this.timeout(120_000);
  let folder: string;
  let registry: Registry;
  let system: System;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-signed-'));
    registry = await Registry.start();
    const dataFolder = join(folder, 'data');
    mkdirSync(join(dataFolder, 'trust'), { recursive: true });
    mkdirSync(join(folder, 'none'));
    writeFileSync(join(dataFolder, 'trust/settings.json'), JSON.stringify({ policy: 'require' }));
    for (const [name, role] of [
      ['ci', 'build'],
      ['kim', 'release'],
    ] as const) {
      await done('keys', 'create', name);
      await done('keys', 'trust', `${name}.pub.pem`, '--role', role, '--prefix', '*', '--data', dataFolder);
    }
    system = await System.start({ bundles: join(folder, 'none'), dataFolder });
  });
  after(async () => {
    await system.stop();
    await registry.stop();
    rmSync(folder, { recursive: true });
  });

  /** Runs a command that must succeed. */
  async function done(...words: readonly string[]): Promise<string> {
    const { code, out, errors } = await sluice(folder, ...words);
    strictEqual(code, 0, errors);
    return out;
  }
  const deploy = (...words: readonly string[]) =>
    sluice(folder, 'deploy', ...words, '--registry', registry.url, '--data', system.dataFolder, '--watch', '0');
  const publish = (file: string, ...words: readonly string[]) => registry.publish(file, readFileSync(join(folder, file)), ...words);
  const versions = async () => (await system.admin.bundles()).map(({ symbolicName, version }) => `${symbolicName} ${version}`);

  it('is let in once the release is approved, by signatures that came as a later version of the companion package', async () => {
    writeFileSync(join(folder, 'hello.tgz'), hello('1.0.0'));
    await done('sign', 'hello.tgz', '--key', 'ci.key.pem');
    await done('repository', 'signatures', 'hello.tgz');
    publish('hello.tgz', '--access', 'public');
    publish('business.hello-signatures-1.0.0.tgz', '--access', 'public');
    const refused = await deploy('npm:@bank/business-hello@1.0.0');
    deepStrictEqual([refused.code, await versions()], [3, []]);
    match(refused.errors, /SIGNATURE_/);

    await done('sign', 'hello.tgz', '--key', 'kim.key.pem', '--role', 'release');
    await done('repository', 'signatures', 'hello.tgz', '--step', '1');
    publish('business.hello-signatures-1.0.0-sig.1.tgz', '--tag', 'latest');
    const accepted = await deploy('npm:@bank/business-hello@1.0.0');
    deepStrictEqual([accepted.code, await versions()], [0, ['business.hello 1.0.0']], accepted.errors);
  });

  it('comes along with a release whose source is the registry', async () => {
    writeFileSync(join(folder, 'next.tgz'), hello('1.1.0'));
    await done('sign', 'next.tgz', '--key', 'ci.key.pem');
    await done('sign', 'next.tgz', '--key', 'kim.key.pem', '--role', 'release');
    await done('repository', 'signatures', 'next.tgz');
    publish('next.tgz');
    publish('business.hello-signatures-1.1.0.tgz', '--tag', 'latest');
    await done('release', 'create', 'bank', '1.1.0', 'npm:@bank/business-hello@^1.0.0', '--registry', registry.url);
    const { bundles } = JSON.parse(readFileSync(join(folder, 'bank-1.1.0.json'), 'utf8')) as { bundles: readonly Record<string, string>[] };
    deepStrictEqual(
      bundles.map(({ name, version, source }) => [name, version, source]),
      [['business.hello', '1.1.0', 'npm:@bank/business-hello']],
    );
    const deployed = await deploy('bank-1.1.0.json');
    deepStrictEqual([deployed.code, await versions()], [0, ['business.hello 1.1.0']], deployed.errors);
  });

  it('is found and fetched without a kernel', async () => {
    const found = JSON.parse(await done('repository', 'search', 'hello', '--from', 'npm:', '--registry', registry.url, '--json')) as {
      name: string;
      version: string;
    }[];
    deepStrictEqual(
      found.map(({ name, version }) => [name, version]),
      [['business.hello', '1.1.0']],
    );
    const listed = JSON.parse(
      await done('repository', 'versions', 'business.hello', '--from', 'npm:', '--registry', registry.url, '--json'),
    ) as { version: string }[];
    deepStrictEqual(
      listed.map(({ version }) => version),
      ['1.1.0', '1.0.0'],
    );
    await done('repository', 'fetch', 'business.hello@1.0.0', '--from', 'npm:', '--registry', registry.url, '--out', 'fetched');
    deepStrictEqual(readFileSync(join(folder, 'fetched/business.hello-1.0.0.tgz')), readFileSync(join(folder, 'hello.tgz')));
    deepStrictEqual(readFileSync(join(folder, 'fetched/business.hello-1.0.0.tgz.sig')), readFileSync(join(folder, 'hello.tgz.sig')));
  });
});
