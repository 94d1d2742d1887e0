/** The commands about trust, as people type them: with a kernel, and on a folder without one. */
import { deepStrictEqual as equal, match, ok } from 'node:assert';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKernel, type RunningKernel } from '@sluice/kernel/host/runtime';
import { runCommand } from '../cli/run-command.js';
import { bundleOf } from './signed-bundles.js';

describe('commands about trust', () => {
  let folder: string;
  let data: string;
  let kernel: RunningKernel | null;
  const run = (...words: readonly string[]) => runCommand(data, words, folder);
  const json = async (...words: readonly string[]): Promise<unknown> =>
    JSON.parse((await run(...words, '--json')).lines[0] ?? 'null') as unknown;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-trust-cli-'));
    data = join(folder, 'data');
    kernel = null;
  });

  afterEach(async () => {
    await kernel?.close();
    rmSync(folder, { recursive: true });
  });

  it('take a bundle from its keys to a kernel that requires signatures', async () => {
    writeFileSync(join(folder, 'a.tgz'), bundleOf('test.a'));
    writeFileSync(join(folder, 'secret'), 'correct horse\n');
    for (const [name, role] of [
      ['ci', 'build'],
      ['kim', 'release'],
    ] as const) {
      equal((await run('keys', 'create', name, '--passphrase-file', 'secret')).exitCode, 0);
      equal(statSync(join(folder, `${name}.key.pem`)).mode & 0o777, 0o600);
      match(readFileSync(join(folder, `${name}.key.pem`), 'utf8'), /ENCRYPTED/);
      // Before the first start there is no kernel to ask.
      equal((await run('keys', 'trust', `${name}.pub.pem`, '--role', role, '--prefix', 'test.*')).exitCode, 0);
    }
    kernel = await startKernel({ dataFolder: data, trustPolicy: 'require', logLevel: 'fatal' });
    equal((await run('deploy', 'a.tgz')).exitCode, 3);
    equal((await run('sign', 'a.tgz', '--key', 'ci.key.pem', '--passphrase-file', 'secret')).exitCode, 0);
    equal((await run('deploy', 'a.tgz')).exitCode, 3);
    equal((await run('sign', 'a.tgz', '--key', 'kim.key.pem', '--role', 'release', '--passphrase-file', 'secret')).exitCode, 0);
    equal((await run('deploy', 'a.tgz', '--watch', '0')).exitCode, 0);
    ok((await run('status')).lines.some((line) => line.includes('require: only what build and release signed runs')));
    const keys = (await json('keys')) as { name: string; role: string }[];
    equal(
      keys.map(({ name, role }) => [name, role]),
      [
        ['ci', 'build'],
        ['kim', 'release'],
      ],
    );
  });

  it('refuse a key in two roles, a name that is taken, and a wrong passphrase, in words and exit codes', async () => {
    await run('keys', 'create', 'ci');
    equal((await run('keys', 'create', 'ci')).exitCode, 5);
    await run('keys', 'trust', 'ci.pub.pem', '--role', 'build', '--prefix', '*');
    const twice = await run('keys', 'trust', 'ci.pub.pem', '--role', 'release', '--prefix', '*');
    equal([twice.exitCode, twice.lines.at(-1)?.includes('KEY_ROLE_CONFLICT')], [5, true]);
    equal((await run('keys', 'trust', 'ci.key.pem', '--role', 'build', '--prefix', '*')).exitCode, 3);
    equal((await run('keys', 'trust', 'ci.pub.pem', '--role', 'build')).exitCode, 2);
    equal((await run('keys', 'create', '../ci')).exitCode, 2);
    equal((await run('keys', 'revoke', 'nobody')).exitCode, 4);
    equal((await run('keys', 'revoke', 'ci', '--reason', 'lost')).exitCode, 0);
    ok((await run('keys')).lines[1]?.includes('lost'));
  });

  it('make tokens that are shown once and end by hand', async () => {
    kernel = await startKernel({ dataFolder: data, logLevel: 'fatal' });
    const made = await run('tokens', 'create', 'ci', '--role', 'developer,viewer', '--bundles', 'business.*', '--expires', '12h');
    const token = made.lines[0] ?? '';
    match(token, /^slt_[\w-]{43}$/);
    equal(JSON.stringify(await json('tokens')).includes(token.slice(4)), false);
    equal((await run('tokens', 'create', 'ci', '--role', 'viewer')).exitCode, 5);
    equal((await run('tokens', 'create', 'x', '--role', 'root')).exitCode, 3);
    equal((await run('tokens', 'create', 'x', '--role', 'viewer', '--expires', '400d')).exitCode, 2);
    equal((await run('tokens', 'revoke', 'ci')).exitCode, 0);
    equal(
      ((await json('tokens')) as { revokedAt: number | null }[]).map(({ revokedAt }) => typeof revokedAt),
      ['number'],
    );
  });

  it('show the audit log and find what was changed in it, with and without a kernel', async () => {
    kernel = await startKernel({ dataFolder: data, logLevel: 'fatal' });
    writeFileSync(join(folder, 'a.tgz'), bundleOf('test.a'));
    await run('deploy', 'a.tgz', '--watch', '0');
    ok((await run('audit', '-n', '1')).lines[1]?.includes('test.a'));
    const head = ((await json('audit', 'verify')) as { head: { sequence: number; hash: string } }).head;
    await kernel.close();
    kernel = null;
    const known = `${head.sequence}:${head.hash}`;
    equal((await run('audit', 'verify', '--head', known)).exitCode, 0);
    equal((await run('audit', 'verify', '--head', `${head.sequence}:${'0'.repeat(64)}`)).exitCode, 3);
    const log = join(data, 'audit', 'audit-000000000001.log');
    writeFileSync(log, readFileSync(log, 'utf8').replace('"actor":"lin"', '"actor":"kim"'));
    const found = await run('audit', 'verify');
    equal([found.exitCode, found.lines[0]?.includes('Record 2 of the audit log is bad')], [3, true]);
  });

  it('upload apart from activating', async () => {
    kernel = await startKernel({ dataFolder: data, logLevel: 'fatal' });
    writeFileSync(join(folder, 'a.tgz'), bundleOf('test.a'));
    const [stored] = (await json('upload', 'a.tgz')) as { digest: string; approved: boolean }[];
    const waiting = (await json('artifacts')) as { digest: string; bundle: string }[];
    equal([stored?.approved, kernel.runtime.bundles().length], [false, 0]);
    equal(
      waiting.map(({ digest, bundle }) => [digest, bundle]),
      [[stored?.digest, 'test.a']],
    );
    equal((await run('deploy', stored?.digest ?? '', '--watch', '0')).exitCode, 0);
    equal(
      kernel.runtime.bundles().map(({ symbolicName }) => symbolicName),
      ['test.a'],
    );
    equal((await run('deploy', 'f'.repeat(64))).exitCode, 4);
  });
});
