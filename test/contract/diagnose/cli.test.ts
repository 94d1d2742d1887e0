/** The commands an operator diagnoses with, as child processes against the whole bank; with a tracer registered, as some will have it. */
import { deepStrictEqual as equal, match, ok } from 'node:assert';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { withChanges, withVersion } from '../../support/artifacts.js';
import { notCollected, ROOT, System } from '../../support/system.js';

const CLI = join(ROOT, 'kernel/bin/sluice.cjs');
const TRACER = join(__dirname, 'recording-tracer.js');

interface Ran {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

function sluice(dataFolder: string, ...words: readonly string[]): Promise<Ran> {
  const child = spawn(process.execPath, [CLI, '--data', dataFolder, ...words], { stdio: ['ignore', 'pipe', 'pipe'], cwd: tmpdir() });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output, errors })));
}

/** Names and texts in a .tgz of plain files. */
function filesIn(path: string): Record<string, string> {
  const bytes = gunzipSync(readFileSync(path));
  const files: Record<string, string> = {};
  for (let at = 0; bytes[at] !== 0 && at < bytes.length;) {
    const name = bytes.toString('latin1', at, at + 100).replace(/\0.*$/s, '');
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 135), 8);
    files[name.replace(/^[^/]*\//, '')] = bytes.toString('utf8', at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

/** Holds the revision from outside. */
const LEAK = `globalThis.plantedLeak = () => exports.default;`;
/** More than a million bytes that only the bundle reaches, through a function and an instance. */
const BALLAST = `
class Ballast { constructor() { this.parts = Array.from({ length: 20_000 }, (_, part) => ({ part, text: 'part ' + part })); } }
const ballast = new Ballast();
exports.default.weigh = () => ballast.parts.length;
`;

describe('diagnosis from the command line', function () {
  this.timeout(60_000);
  let system: System;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-diagnose-'));
    const register = join(folder, 'register.cjs');
    writeFileSync(register, `require(${JSON.stringify(TRACER)}).registerRecordingTracer(() => undefined);\n`);
    const { NODE_OPTIONS } = process.env;
    process.env['NODE_OPTIONS'] = `--require ${register}`;
    try {
      system = await System.start({ dataFolder: join(folder, 'data') });
    } finally {
      if (NODE_OPTIONS === undefined) delete process.env['NODE_OPTIONS'];
      else process.env['NODE_OPTIONS'] = NODE_OPTIONS;
    }
  });
  after(async () => {
    await system.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('top: rates and durations under traffic, for scripts', async () => {
    const ending = new AbortController();
    const traffic = (async () => {
      for (let count = 0; !ending.signal.aborted; count += 1)
        await (await fetch(`${system.address}${count % 4 === 3 ? '/mobile/none' : '/mobile/status'}`)).text();
    })();
    const { code, output } = await sluice(system.dataFolder, 'top', '--once', '--json', '--interval', '300ms');
    ending.abort();
    await traffic;
    const top = JSON.parse(output) as { requestsPerSecond: number; loopBusy: number; bundles: Record<string, number | string | null>[] };
    const [first] = top.bundles;
    equal([code, first?.['bundle'], first?.['failures']], [0, 'channel.mobile', 0]);
    ok(Number(first?.['requestsPerSecond']) > 5 && top.requestsPerSecond >= Number(first?.['requestsPerSecond']), output);
    ok(Number(first?.['p50Ms']) > 0 && Number(first?.['p50Ms']) <= Number(first?.['p99Ms']));
    ok(top.loopBusy > 0 && top.loopBusy <= 1);
    match(
      (await sluice(system.dataFolder, 'top', '--once', '--interval', '100ms', '--sort', 'name')).output,
      /^BUNDLE +VERSION +REQ\/S .*\nbusiness\.account /m,
    );
  });

  it('why: a route, from the stopped bundle to who stopped it, as text and as data', async () => {
    await sluice(system.dataFolder, '--actor', 'lin', 'stop', 'channel.mobile');
    const { output } = await sluice(system.dataFolder, 'why', 'GET /mobile/status');
    const [route, stopped, advice] = output.split('\n');
    equal(route, "GET /mobile/status: is not served; it lies below /mobile, the mount of 'channel.mobile', which is not running");
    match(stopped ?? '', /^ {2}because channel\.mobile: is RESOLVED$/);
    match(advice ?? '', /^ {4}because channel\.mobile: was stopped by lin \(/);
    const causes = JSON.parse((await sluice(system.dataFolder, '--json', 'why', '/mobile/status')).output) as {
      depth: number;
      command?: string;
    }[];
    equal([causes.map(({ depth }) => depth), causes.at(-1)?.command], [[0, 1, 2], 'sluice start channel.mobile']);
    await sluice(system.dataFolder, 'start', 'channel.mobile');
  });

  it('metrics and traces hold no replaced revision, of themselves, of the server and of a channel', async () => {
    const names = ['system.metrics', 'system.tracing', 'system.http', 'channel.mobile'];
    const read = async (): Promise<void> => {
      for (const path of ['/metrics', '/mobile/status']) await (await fetch(`${system.address}${path}`)).text();
    };
    await read();
    for (const patch of [1, 2]) {
      const artifacts = names.map((name) => withVersion(system.artifact(name), `1.0.${patch}`));
      equal((await system.admin.deploy(artifacts, { watchMs: 0 })).outcome, 'committed');
      await read();
    }
    equal(await notCollected(system), []);
    const { code, output } = await sluice(system.dataFolder, 'leaks');
    equal([code, output.split('\n').filter((line) => line.includes('yes')).length >= 8], [0, true]);
  });

  it('leaks: names what holds a replaced revision by kind, with the cure, and exits with 9', async () => {
    const leaky = withChanges(system.artifact('business.account'), { version: '1.0.1', code: LEAK + BALLAST });
    for (const artifact of [leaky, withChanges(system.artifact('business.account'), { version: '1.0.2', code: BALLAST })]) {
      equal((await system.admin.deploy([artifact], { watchMs: 0 })).outcome, 'committed');
    }
    const { code, output } = await sluice(system.dataFolder, 'leaks', '--gc');
    equal(code, 9);
    match(output, /business\.account +1\.0\.1 +\d+ +no +global \(1\)/);
    match(
      output,
      /^business\.account 1\.0\.1, revision \d+\n {2}global\n {4}global property: globalThis\.plantedLeak\n {4}try Delete the property/m,
    );
  });

  it('dump: one archive that only its owner reads; never over another file', async () => {
    const path = join(folder, 'running.tgz');
    const { code, output } = await sluice(system.dataFolder, 'dump', path, '--heap');
    match(output, /running\.tgz {2}\d+\.\d kB {2}17 files/);
    equal([code, statSync(path).mode & 0o777], [0, 0o600]);
    const files = filesIn(path);
    const figures = JSON.parse(files['figures.json'] ?? '') as {
      heapMeasuredAt: number;
      bundles: { symbolicName: string; heapBytes: number }[];
    };
    const heapOf = (name: string): number => figures.bundles.find(({ symbolicName }) => symbolicName === name)?.heapBytes ?? 0;
    ok(figures.heapMeasuredAt > 0 && heapOf('system.http') > 50_000);
    // Both revisions with ballast are in memory: one is held by the leak.
    const [ballast, other] = [heapOf('business.account'), heapOf('business.transfer')];
    ok(ballast > 2_000_000 && ballast < 5_000_000 && other < 1_000_000, `${ballast} and ${other} bytes`);
    const versions = (JSON.parse(files['bundles.json'] ?? '') as { symbolicName: string; version: string }[]).map(
      (one) => `${one.symbolicName} ${one.version}`,
    );
    ok(versions.includes('channel.mobile 1.0.2'));
    match(files['scopes.txt'] ?? '', /^system\.http@1\.0\.2#\d+\n(?: {2}.*\n)* {2}port and connections\n/m);
    match(files['events.jsonl'] ?? '', /"kind":"GENERATION"/);
    const again = await sluice(system.dataFolder, 'dump', path);
    equal([again.code, /DUMP_EXISTS/.test(again.errors)], [5, true]);
  });

  it('dump of a stopped system, and of one that will not start, without what is secret', async () => {
    const data = system.dataFolder;
    await system.admin.configSet('platform.customer', { set: { wrongPasswordsMax: 7 } });
    await system.stop();
    writeFileSync(join(data, 'config', 'unknown.bundle.json'), JSON.stringify({ key: 'planted-secret-value', on: true }));
    const path = join(folder, 'stopped.tgz');
    const { code, errors } = await sluice(data, 'dump', path);
    equal([code, /No kernel runs on the data folder/.test(errors)], [0, true]);
    const files = filesIn(path);
    const config = JSON.parse(files['config.json'] ?? '') as Record<string, unknown>;
    equal(config['config/unknown.bundle.json'], { key: '***', on: true });
    equal(config['config/runtime/platform.customer.json'] === undefined ? 'missing' : 'there', 'there');
    match(files['desired.json'] ?? '', /"symbolicName": "channel\.mobile"/);
    match(files['log.txt'] ?? '', /"source":"kernel"|"level"/);

    writeFileSync(join(data, 'format'), '99\n');
    const start = await sluice(data, 'start');
    match(start.errors, /A diagnosis is in .*failed-start\.tgz/);
    const failed = filesIn(join(data, 'failed-start.tgz'));
    equal((JSON.parse(failed['system.json'] ?? '') as { failure: { code: string } }).failure.code, 'DATA_FOLDER_FORMAT');
    for (const found of [files, failed])
      equal(
        Object.values(found).some((text) => text.includes('planted-secret-value')),
        false,
      );
  });
});
