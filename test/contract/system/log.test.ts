/** The log bundle in the real kernel against real files: JSON lines, rotation, faults of the disk, hot levels, swap. */
import { deepStrictEqual as equal } from 'node:assert';
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineBundle, type Logger } from '@sluice/sdk';
import { TestRuntime, VirtualClock, type TestBundle } from '@sluice/kernel/testing';
import configBundle from '../../../plugins/system/config/activator.js';
import logBundle from '../../../plugins/system/log/activator.js';
import { RotatingFile } from '../../../plugins/system/log/adapters/rotating-file.js';
import { BufferedLines } from '../../../plugins/system/log/domain/buffered-lines.js';
import { dataPath, systemBundle } from './system-bundle.js';

/** A bundle whose log the test writes to. */
function talker(): { bundle: TestBundle; log: () => Logger } {
  let log: Logger | null = null;
  const definition = defineBundle({ activate: (context) => void (log = context.log) });
  return { bundle: { symbolicName: 'core.talker', version: '1.2.0', definition }, log: () => log as unknown as Logger };
}

describe('system.log in the kernel', () => {
  let runtime: TestRuntime;
  beforeEach(async () => void (runtime = await TestRuntime.boot()));
  afterEach(() => runtime.stop());

  /** Lines of one source in the file, once the bundle has stopped and so has written everything. */
  async function linesAfterStop(source: string): Promise<unknown[]> {
    await runtime.kernel.stop('system.log', { actor: 'test' });
    const text = await readFile(dataPath(runtime, 'log', 'sluice.log'), 'utf8');
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { source: string })
      .filter((line) => line.source === source);
  }

  it('writes what was logged before it started and after, redacted, and has it on disk when it has stopped', async () => {
    const { bundle, log } = talker();
    await runtime.deploy(bundle);
    log().info('before the first sink');
    await runtime.deploy(systemBundle('log', logBundle));
    log().warn('50%s of %d posted', { token: 'abc', amount: 5n, card: '4111111111111111' });
    log().debug('below the level');
    const known = { time: '2026-01-01T00:00:00.000Z', source: 'core.talker', version: '1.2.0' };
    equal(await linesAfterStop('core.talker'), [
      { level: 'info', ...known, message: 'before the first sink' },
      {
        level: 'warn',
        ...known,
        fields: { token: '***', amount: '5', card: '411111******1111' },
        message: '50%s of %d posted',
      },
    ]);
  });

  it('changes levels while running', async () => {
    const { bundle, log } = talker();
    await runtime.deploy(systemBundle('config', configBundle, { watch: false }), systemBundle('log', logBundle), bundle);
    log().debug('one');
    await runtime.kernel.configSet('system.log', { level: 'error', levels: { 'core.*': 'debug' } }, 'test');
    log().debug('two');
    await runtime.kernel.configSet('system.log', { levels: null }, 'test');
    log().warn('three');
    equal(
      (await linesAfterStop('core.talker')).map((line) => (line as { message: string }).message),
      ['two'],
    );
  });

  it('loses no line when it is swapped', async () => {
    const { bundle, log } = talker();
    await runtime.deploy(systemBundle('log', logBundle), bundle);
    for (let version = 1; version <= 5; version++) {
      log().info(`line ${version}a`);
      const swapping = runtime.deploy(systemBundle('log', logBundle, {}, `1.${version}.0`));
      log().info(`line ${version}b`);
      await swapping;
    }
    const messages = (await linesAfterStop('core.talker')).map((line) => (line as { message: string }).message).sort();
    equal(
      messages,
      [1, 2, 3, 4, 5].flatMap((version) => [`line ${version}a`, `line ${version}b`]),
    );
  });
});

describe('system.log rotating file', () => {
  let base: string;
  beforeEach(async () => void (base = await mkdtemp(join(tmpdir(), 'sluice-log-'))));
  afterEach(() => rm(base, { recursive: true, force: true }));

  it('moves the file aside when it is full, keeps so many, loses no line between', async () => {
    const file = new RotatingFile(base, { fileBytesMax: 10, filesKept: 2 });
    for (const line of ['aaaa\n', 'bbbb\n', 'cccc\n', 'dddd\n', 'eeee\n', 'ffff\n', 'gggg\n']) await file.append(Buffer.from(line));
    await file.close();
    const names = (await readdir(base)).sort();
    equal(names, ['sluice.log', 'sluice.log.1', 'sluice.log.2']);
    equal(await Promise.all(names.map((name) => readFile(join(base, name), 'utf8'))), ['gggg\n', 'eeee\nffff\n', 'cccc\ndddd\n']);
  });

  it('writes a line larger than the limit into a file of its own', async () => {
    const file = new RotatingFile(base, { fileBytesMax: 10, filesKept: 2 });
    for (const line of ['a\n', `${'b'.repeat(30)}\n`, 'c\n']) await file.append(Buffer.from(line));
    await file.close();
    equal(await readFile(join(base, 'sluice.log'), 'utf8'), 'c\n');
    equal(await readFile(join(base, 'sluice.log.2'), 'utf8'), 'a\n');
  });

  it('keeps lines while the folder is unusable and writes them when it is back', async () => {
    const clock = new VirtualClock();
    const folder = join(base, 'log');
    await writeFile(folder, 'a file where the folder should be');
    const told: string[] = [];
    const faults = {
      failed: (error: unknown) => told.push((error as NodeJS.ErrnoException).code ?? ''),
      recovered: (lost: number) => told.push(`lost ${lost}`),
    };
    const lines = new BufferedLines(
      new RotatingFile(folder, { fileBytesMax: 10_000, filesKept: 2 }),
      faults,
      () => clock.monotonic(),
      10_000,
    );
    lines.write('one\n');
    await lines.flush();
    lines.write('two\n');
    await lines.flush();
    await rm(folder);
    await clock.advance(1_000);
    lines.write('three\n');
    await lines.close();
    equal(await readFile(join(folder, 'sluice.log'), 'utf8'), 'one\ntwo\nthree\n');
    equal(told, ['EEXIST', 'lost 0']);
  });

  it('goes on in a new file after its folder was moved away', async () => {
    const folder = join(base, 'log');
    const file = new RotatingFile(folder, { fileBytesMax: 8, filesKept: 1 });
    await file.append(Buffer.from('one\n'));
    await rename(folder, join(base, 'moved'));
    await file.append(Buffer.from('two\n'));
    await file.append(Buffer.from('three\n'));
    await file.append(Buffer.from('four\n'));
    await file.close();
    const names = (await readdir(folder)).sort();
    equal(await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8'))), ['four\n', 'three\n']);
    equal(await readFile(join(base, 'moved', 'sluice.log'), 'utf8'), 'one\ntwo\n');
  });
});
