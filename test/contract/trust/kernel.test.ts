/** A real kernel on a real folder: what it lets in, what it starts again, and what it records. */
import { deepStrictEqual as equal, match, ok, rejects } from 'node:assert';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdminClient } from '@sluice/kernel/admin/client';
import { startKernel, type RunningKernel, type StartOptions } from '@sluice/kernel/host/runtime';
import { withChanges } from '../../support/artifacts.js';
import { BUILD, bundleOf, digestOf, fragmentOf, RELEASE, signed, trustBoth } from './signed-bundles.js';

describe('trust of a kernel', () => {
  let folder: string;
  let kernel: RunningKernel;
  let client: AdminClient;

  const start = async (options: Partial<StartOptions> = {}): Promise<void> => {
    kernel = await startKernel({ dataFolder: folder, logLevel: 'fatal', trustPolicy: 'require', ...options });
    client = new AdminClient(folder, 'lin');
  };
  const restart = async (options: Partial<StartOptions> = {}): Promise<void> => {
    await kernel.close();
    await start(options);
  };
  /** Deploys as the command line does; tells the outcome, or the code of the refusal. */
  const deploy = async (
    name: string,
    version = '1.0.0',
    more: { mark?: string; signatures?: Uint8Array; allowDowngrade?: boolean } = {},
  ): Promise<string> => {
    const bytes = bundleOf(name, version, more.mark);
    const { outcome, error } = await client.deploy([bytes, more.signatures ?? signed(bytes, name, version)], {
      watchMs: 0,
      ...(more.allowDowngrade === true ? { allowDowngrade: true } : {}),
    });
    return error?.code ?? outcome;
  };
  const states = (): string[] => kernel.runtime.bundles().map(({ symbolicName, version, state }) => `${symbolicName} ${version} ${state}`);

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-trust-'));
    await trustBoth(folder);
    await start();
  });

  afterEach(async () => {
    await kernel.close();
    rmSync(folder, { recursive: true });
  });

  it('runs what build and release signed, also after a restart, and nothing else', async () => {
    equal(await deploy('test.a'), 'committed');
    const unsigned = await client.deploy([bundleOf('test.b')]);
    equal([unsigned.outcome, unsigned.error?.code], ['refused', 'SIGNATURE_MISSING']);
    equal(await deploy('core.x'), 'SIGNATURE_NAME_REFUSED');
    equal(await deploy('test.c', '1.0.0', { signatures: signed(bundleOf('test.c'), 'test.d') }), 'SIGNATURE_OTHER_NAME');
    await restart();
    equal(states(), ['test.a 1.0.0 ACTIVE']);
    equal(kernel.runtime.status().alarms, []);
  });

  it('lets nobody change a bundle by a fragment that could not change it by its own name', async () => {
    equal(await deploy('test.a'), 'committed');
    const fragment = (host: string): Uint8Array[] => {
      const bytes = fragmentOf('test.fragment', host);
      return [bytes, signed(bytes, 'test.fragment')];
    };
    equal((await client.deploy(fragment('core.ledger'))).error?.code, 'SIGNATURE_NAME_REFUSED');
    equal((await client.deploy(fragment('test.a'), { watchMs: 0 })).outcome, 'committed');
  });

  it('holds a version that asks for more permissions until somebody grants them', async () => {
    const asking = (version: string, ...builtins: string[]): Uint8Array[] => {
      const bytes = withChanges(bundleOf('test.a', version), {
        manifest: (section) => Object.assign(section, { permissions: { builtins } }),
      });
      return [bytes, signed(bytes, 'test.a', version)];
    };
    const first = await client.deploy(asking('1.0.0', 'node:crypto'), { watchMs: 0 });
    equal([first.outcome, first.error?.message], ['committed', undefined]);
    const more = await client.deploy(asking('1.1.0', 'node:crypto', 'node:fs'), { watchMs: 0 });
    equal([more.outcome, more.error?.code, more.error?.details['added']], ['refused', 'PERMISSION_INCREASE', ['builtins node:fs']]);
    equal(states(), ['test.a 1.0.0 ACTIVE']);
    const [waiting] = await client.artifacts();
    equal([waiting?.bundle, waiting?.version], ['test.a', '1.1.0']);
    const granted = await client.deployStored([waiting?.digest ?? ''], { watchMs: 0, grantPermissions: true });
    equal([granted.outcome, granted.error?.code], ['committed', undefined]);
    equal(states(), ['test.a 1.1.0 ACTIVE']);
    // Less is no increase.
    equal((await client.deploy(asking('1.2.0'), { watchMs: 0 })).outcome, 'committed');
  });

  it('keeps a version for one content, and goes down only when told', async () => {
    equal(await deploy('test.a', '1.1.0'), 'committed');
    equal(await deploy('test.a', '1.1.0', { mark: 'changed' }), 'VERSION_REUSED');
    equal(await deploy('test.a', '1.0.0'), 'VERSION_DOWNGRADE');
    equal(await deploy('test.a', '1.0.0', { allowDowngrade: true }), 'committed');
    equal(await deploy('test.a', '1.0.1'), 'committed');
    await client.uninstall('test.a');
    await restart();
    // Gone is not forgotten: neither the content of a version nor how high it had been.
    equal(await deploy('test.a', '1.1.0', { mark: 'changed' }), 'VERSION_REUSED');
    equal(await deploy('test.a', '1.0.2'), 'VERSION_DOWNGRADE');
    equal(await deploy('test.a', '1.2.0'), 'committed');
  });

  it('starts nothing of a revoked key again: not by hand, not by rollback, not at the next start', async () => {
    equal(
      [await deploy('test.a', '1.0.0'), await deploy('test.a', '1.1.0'), await deploy('test.b')],
      ['committed', 'committed', 'committed'],
    );
    await client.revokeKey(RELEASE.id, 'lost');
    // What runs goes on, and everybody can see that it should not for long.
    equal(states(), ['test.a 1.1.0 ACTIVE', 'test.b 1.0.0 ACTIVE']);
    equal(
      kernel.runtime.status().alarms.map(({ code }) => code),
      ['RUNNING_WITHOUT_APPROVAL'],
    );
    equal((await client.rollback('test.a')).error?.code, 'SIGNATURE_KEY_REVOKED');
    equal((await client.stop('test.b')).outcome, 'committed');
    equal((await client.start('test.b')).error?.code, 'SIGNATURE_KEY_REVOKED');
    await restart();
    equal(
      states().filter((one) => one.endsWith('ACTIVE')),
      [],
    );
    const alarms = kernel.runtime.status().alarms.filter(({ code }) => code === 'SIGNATURE_KEY_REVOKED');
    equal(alarms.map(({ details }) => details['bundle']).sort(), ['test.a', 'test.b']);
    equal(await deploy('test.a', '1.2.0'), 'SIGNATURE_KEY_REVOKED');
  });

  it('only tells under `warn`, and tells which policy it is', async () => {
    await restart({ trustPolicy: 'warn' });
    equal((await client.deploy([bundleOf('test.a', '1.1.0')], { watchMs: 0 })).outcome, 'committed');
    equal((await client.deploy([bundleOf('test.a', '1.0.0')], { watchMs: 0 })).outcome, 'committed');
    const told = kernel.runtime.logs({ level: 'warn' }).map(({ fields }) => fields['code']);
    ok(told.includes('VERSION_DOWNGRADE'), `told: ${told.join()}`);
    const { trust } = await client.status();
    equal([trust?.policy, trust?.unapproved], ['warn', ['test.a 1.0.0']]);
    await restart();
    equal(states(), ['test.a 1.0.0 INSTALLED']);
  });

  it('keeps signatures that come under `warn`, so that `require` can follow', async () => {
    await restart({ trustPolicy: 'warn' });
    const bytes = bundleOf('test.a');
    await client.deploy([bytes], { watchMs: 0 });
    await client.deploy([bytes, signed(bytes, 'test.a')], { watchMs: 0 });
    equal((await client.status()).trust?.unapproved, []);
    await restart();
    equal(states(), ['test.a 1.0.0 ACTIVE']);
  });

  it('takes the policy from its settings, and does not start on settings it cannot read', async () => {
    await kernel.close();
    const settings = join(folder, 'trust', 'settings.json');
    writeFileSync(settings, '{"policy":"off"}');
    const own = await startKernel({ dataFolder: folder, logLevel: 'fatal' });
    equal((await new AdminClient(folder, 'lin').status()).trust?.policy, 'off');
    await own.close();
    writeFileSync(settings, '{"policy":"sometimes"}');
    await rejects(startKernel({ dataFolder: folder, logLevel: 'fatal' }), { code: 'TRUST_SETTINGS_INVALID' });
    await start();
  });

  it('installs a first distribution by the signature files beside it', async () => {
    await kernel.close();
    rmSync(folder, { recursive: true });
    await trustBoth(folder);
    const bundlesFolder = join(folder, 'distribution');
    mkdirSync(bundlesFolder);
    const bytes = bundleOf('test.a');
    writeFileSync(join(bundlesFolder, 'test.a-1.0.0.tgz'), bytes);
    await rejects(startKernel({ dataFolder: folder, bundlesFolder, trustPolicy: 'require', logLevel: 'fatal' }), {
      code: 'FIRST_START_REFUSED',
    });
    writeFileSync(join(bundlesFolder, 'test.a-1.0.0.tgz.sig'), signed(bytes, 'test.a'));
    await start({ bundlesFolder });
    equal(states(), ['test.a 1.0.0 ACTIVE']);
  });

  it('stores uploads apart from activating them, and lets them wait for their approval', async () => {
    const bytes = bundleOf('test.a');
    const [stored] = await client.upload([bytes, signed(bytes, 'test.a', '1.0.0', ['build'])]);
    equal([stored?.bundle, stored?.build, stored?.release, stored?.approved], ['test.a', BUILD.id, null, false]);
    equal(states(), []);
    const digest = digestOf(bytes);
    equal((await client.deployStored([digest])).error?.code, 'SIGNATURE_MISSING');
    await rejects(client.addSignatures(signed(bundleOf('test.b'), 'test.b')), { code: 'ARTIFACT_UNKNOWN' });
    equal((await client.addSignatures(signed(bytes, 'test.a', '1.0.0', ['release']))).approved, true);
    await restart();
    equal(
      (await client.artifacts()).map(({ approved }) => approved),
      [true],
    );
    equal((await client.deployStored([digest])).outcome, 'committed');
    await rejects(client.deployStored(['0'.repeat(64)]), { code: 'ARTIFACT_UNKNOWN' });
  });

  it('records every change with who, what and how it ended, also those nobody asked for over the interface', async () => {
    await deploy('test.a');
    await deploy('test.b', '1.0.0', { signatures: signed(bundleOf('test.x'), 'test.x') });
    const bytes = bundleOf('test.c');
    await kernel.runtime.deploy([bytes], { actor: 'deployer', signatures: [signed(bytes, 'test.c')], watchMs: 0 });
    await client.createToken({ name: 'ci', roles: ['viewer'], bundles: ['*'] });
    await client.deploy([bundleOf('test.a', '1.1.0')], { dryRun: true });
    const seen = (await client.audit(100)).map(({ actor, role, action, target, phase, outcome, code }) =>
      [actor, role, action, target, phase, (outcome ?? '').split(' ')[0], code ?? ''].join('|'),
    );
    equal(seen, [
      'kernel|kernel|kernel.start||note|policy|',
      'lin|owner|deploy||begin||',
      'lin|owner|deploy|test.a|end|committed|',
      'lin|owner|deploy||begin||',
      `lin||stage|${digestOf(bundleOf('test.b')).slice(0, 12)}|refused|not|SIGNATURE_MISSING`,
      'lin|owner|deploy||end|refused|SIGNATURE_MISSING',
      'deployer|kernel|deploy|test.c|begin||',
      'deployer|kernel|deploy|test.c|end|committed|',
      'lin|owner|createToken|ci|begin||',
      'lin|owner|createToken|ci|end|done|',
      `lin||stage|${digestOf(bundleOf('test.a', '1.1.0')).slice(0, 12)}|refused|not|SIGNATURE_MISSING`,
    ]);
    equal(((await client.verifyAudit()) as { intact: boolean }).intact, true);
  });

  it('writes no secret into its files', async () => {
    const { token } = await client.createToken({ name: 'ci', roles: ['viewer'], bundles: ['*'] });
    await rejects(client.revokeToken(token), { code: 'TOKEN_UNKNOWN' });
    await kernel.close();
    for (const file of ['trust/tokens.json', 'audit/audit-000000000001.log', 'journal.log']) {
      equal([file, readFileSync(join(folder, file), 'utf8').includes(token.slice(4))], [file, false]);
    }
    await start();
  });

  it('sees at the next start that records were taken away, says so, and keeps the gap visible', async () => {
    await deploy('test.a');
    await kernel.close();
    const log = join(folder, 'audit', 'audit-000000000001.log');
    const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1);
    truncateSync(log, Buffer.byteLength(`${lines.slice(0, -1).join('\n')}\n`));
    await start();
    equal(
      kernel.runtime.status().alarms.map(({ code }) => code),
      ['AUDIT_CHAIN_BROKEN'],
    );
    const verdict = await client.verifyAudit();
    ok(!verdict.intact);
    equal(verdict.sequence, lines.length);
    match(verdict.reason, /missing/);
  });

  it('changes nothing any more once it cannot be recorded, and goes on serving', async () => {
    equal(await deploy('test.a'), 'committed');
    rmSync(join(folder, 'audit'), { recursive: true });
    await rejects(client.stop('test.a'), { code: 'AUDIT_UNAVAILABLE', httpStatus: 503 });
    await rejects(client.stop('test.a'), { code: 'AUDIT_UNAVAILABLE' });
    const bytes = bundleOf('test.b');
    await rejects(kernel.runtime.deploy([bytes], { actor: 'deployer', signatures: [signed(bytes, 'test.b')] }), {
      code: 'AUDIT_UNAVAILABLE',
    });
    equal(states(), ['test.a 1.0.0 ACTIVE']);
    await restart();
    equal(states(), ['test.a 1.0.0 ACTIVE']);
  });

  it('puts keys, tokens and the audit log into a backup', async () => {
    await deploy('test.a');
    const { token } = await client.createToken({ name: 'ci', roles: ['viewer'], bundles: ['*'] });
    const archive = join(folder, 'tmp', 'backup.tgz');
    await client.backup(archive);
    const { restoreBackup } = await import('@sluice/kernel/host/backup');
    const target = join(folder, 'tmp', 'restored');
    await restoreBackup(archive, target);
    ok(existsSync(join(target, 'audit', 'head')));
    const other = await startKernel({
      dataFolder: target,
      trustPolicy: 'require',
      logLevel: 'fatal',
      adminListen: { host: '127.0.0.1', port: 0 },
    });
    try {
      equal(
        other.runtime.bundles().map(({ state }) => state),
        ['ACTIVE'],
      );
      equal((await new AdminClient('', 'x', { url: other.adminUrl ?? '', token }).bundles()).length, 1);
      equal(((await new AdminClient(target, 'lin').verifyAudit()) as { intact: boolean }).intact, true);
    } finally {
      await other.close();
    }
  });
});
