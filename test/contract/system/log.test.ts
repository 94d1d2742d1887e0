/** The log bundle against real files: JSON lines, rotation, faults of the disk, hot levels. */
import { deepStrictEqual as equal } from 'node:assert';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LogSink, type LogRecord } from '@sluice/sdk';
import { VirtualClock } from '@sluice/kernel/testing/virtual-clock';
import logBundle, { type LogConfig } from '../../../plugins/system/log/activator.js';
import { BufferedLines } from '../../../plugins/system/log/domain/buffered-lines.js';
import { RotatingFile } from '../../../plugins/system/log/adapters/rotating-file.js';
import { BundleBench } from './bundle-bench.js';

const config: LogConfig = { level: 'info', levels: {}, pretty: false, fileBytesMax: 4_096, filesKept: 2, bufferBytesMax: 1_000_000 };
const record = (message: string, fields: Record<string, unknown> = {}): LogRecord => ({
  at: Date.UTC(2026, 10, 25),
  level: 'info',
  source: 'core.ledger',
  version: '1.2.0',
  message,
  fields,
});

describe('system.log bundle', () => {
  let bench: BundleBench;
  const path = (name: string): string => join(bench.folder, 'log', name);
  const linesOf = async (name: string): Promise<any[]> =>
    (await readFile(path(name), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);

  beforeEach(async () => void (bench = await BundleBench.open(new VirtualClock())));
  afterEach(() => bench.close());

  it('writes redacted JSON lines and has them on disk when it has stopped', async () => {
    const running = await bench.start(logBundle, 'system.log', config);
    const sink = bench.service(LogSink);
    sink.write(record('50%s of %d posted', { token: 'abc', amount: 5n, card: '4111111111111111' }));
    sink.write(record('plain'));
    await running.stop();
    equal(await linesOf('sluice.log'), [
      {
        level: 'info',
        time: '2026-11-25T00:00:00.000Z',
        source: 'core.ledger',
        version: '1.2.0',
        fields: { token: '***', amount: '5', card: '411111******1111' },
        message: '50%s of %d posted',
      },
      { level: 'info', time: '2026-11-25T00:00:00.000Z', source: 'core.ledger', version: '1.2.0', message: 'plain' },
    ]);
  });

  it('continues the file of the run before', async () => {
    for (const message of ['first', 'second']) {
      const running = await bench.start(logBundle, 'system.log', config);
      bench.service(LogSink).write(record(message));
      await running.stop();
    }
    equal(
      (await linesOf('sluice.log')).map((line) => line.message),
      ['first', 'second'],
    );
  });

  it('changes levels while running', async () => {
    const running = await bench.start(logBundle, 'system.log', config);
    const sink = bench.service(LogSink);
    equal([sink.level('core.ledger'), sink.level('kernel')], ['info', 'info']);
    await running.reconfigure({ ...config, level: 'error', levels: { 'core.*': 'debug' } });
    equal([sink.level('core.ledger'), sink.level('kernel')], ['debug', 'error']);
  });
});

describe('system.log rotating file', () => {
  let bench: BundleBench;
  beforeEach(async () => void (bench = await BundleBench.open(new VirtualClock())));
  afterEach(() => bench.close());

  it('moves the file aside when it is full, keeps so many, loses no line between', async () => {
    const file = new RotatingFile(bench.folder, { fileBytesMax: 10, filesKept: 2 });
    for (const line of ['aaaa\n', 'bbbb\n', 'cccc\n', 'dddd\n', 'eeee\n', 'ffff\n', 'gggg\n']) await file.append(Buffer.from(line));
    await file.close();
    const names = (await readdir(bench.folder)).sort();
    equal(names, ['sluice.log', 'sluice.log.1', 'sluice.log.2']);
    equal(await Promise.all(names.map((name) => readFile(join(bench.folder, name), 'utf8'))), ['gggg\n', 'eeee\nffff\n', 'cccc\ndddd\n']);
  });

  it('writes a line larger than the limit into a file of its own', async () => {
    const file = new RotatingFile(bench.folder, { fileBytesMax: 10, filesKept: 2 });
    for (const line of ['a\n', `${'b'.repeat(30)}\n`, 'c\n']) await file.append(Buffer.from(line));
    await file.close();
    equal(await readFile(join(bench.folder, 'sluice.log'), 'utf8'), 'c\n');
    equal(await readFile(join(bench.folder, 'sluice.log.2'), 'utf8'), 'a\n');
  });

  it('keeps lines while the folder is unusable and writes them when it is back', async () => {
    const clock = new VirtualClock();
    const folder = join(bench.folder, 'log');
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
    const folder = join(bench.folder, 'log');
    const file = new RotatingFile(folder, { fileBytesMax: 8, filesKept: 1 });
    await file.append(Buffer.from('one\n'));
    await rename(folder, join(bench.folder, 'moved'));
    await file.append(Buffer.from('two\n'));
    await file.append(Buffer.from('three\n'));
    await file.append(Buffer.from('four\n'));
    await file.close();
    const names = (await readdir(folder)).sort();
    equal(await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8'))), ['four\n', 'three\n']);
    equal(await readFile(join(bench.folder, 'moved', 'sluice.log'), 'utf8'), 'one\ntwo\n');
  });
});
