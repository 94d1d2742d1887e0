/** What the guard does for inline bundles, in a real kernel process: loops are ended and named, built-ins stay as they were, stray errors have an owner. */
import { strict as assert } from 'node:assert';
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { withChanges } from '../../support/artifacts.js';
import { BUNDLES, System } from '../../support/system.js';
import { sampleArtifact } from './tiers.js';

const LOOPS = [
  'loop-in-handler',
  'loop-after-await',
  'loop-in-timer',
  'loop-in-interval',
  'loop-in-immediate',
  'loop-in-file-callback',
  'loop-in-tick',
  'loop-in-listener',
  'loop-in-script',
  'loop-in-regexp',
];

/** Node from 24 on keeps its async stack where nobody can clear it: what interrupts these there ends the process. */
const ENDS_PROCESS = ['loop-in-timer', 'loop-in-interval', 'loop-in-immediate', 'loop-in-listener'];
const isEnding = (how: string): boolean => Number.parseInt(process.versions.node, 10) >= 24 && ENDS_PROCESS.includes(how);

interface Ping {
  readonly ticks: number;
  readonly mapped: readonly number[];
  readonly parsed: unknown;
}

describe('guard of inline bundles', function () {
  this.timeout(60_000);
  let folder: string;
  let system: System;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-guard-'));
    for (const name of readdirSync(BUNDLES)) if (name.startsWith('system.')) copyFileSync(join(BUNDLES, name), join(folder, name));
    for (const name of ['trouble', 'calm']) writeFileSync(join(folder, `${name}.tgz`), await sampleArtifact(name));
    system = await System.start({ bundles: folder });
  });
  after(async () => {
    await system.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function ping(): Promise<Ping> {
    const answer = await fetch(`${system.address}/calm/ping`);
    assert.equal(answer.status, 200);
    return (await answer.json()) as Ping;
  }

  async function trouble(how: string): Promise<{ status: number; answer: string }> {
    const response = await fetch(`${system.address}/trouble/${how}`, { method: 'POST' });
    const body = (await response.json()) as { answer?: string; code?: string };
    return { status: response.status, answer: body.answer ?? body.code ?? '' };
  }

  /** Waits until the bundle is quarantined, and returns why. The test's time limit ends the wait. */
  async function quarantined(): Promise<string> {
    for (;;) {
      const { error } = await system.admin.inspect('sample.trouble');
      if (error?.code === 'ISOLATION_QUARANTINED') return error.message;
      await delay(20);
    }
  }

  for (const how of LOOPS.filter((one) => !isEnding(one))) {
    it(`ends '${how}' in two seconds, names bundle, function and line, and goes on`, async () => {
      const { pid } = await system.admin.status();
      const before = await ping();
      const startedAt = performance.now();
      const made = trouble(how).catch(() => undefined);
      await delay(20);
      await ping();
      const heldUpMs = performance.now() - startedAt;
      const reason = await quarantined();
      await made;
      const [, silentMs = ''] = /for (\d+) ms/.exec(reason) ?? [];
      assert.match(
        reason,
        how === 'loop-in-regexp'
          ? /'sample\.trouble' 1\.0\.0 held .* at \S*kinds\.ts:\d+/
          : /'sample\.trouble' 1\.0\.0 held .* in function 'spin' at \S*kinds\.ts:1\d:\d+/,
      );
      assert.ok(Number(silentMs) <= 1_000 && heldUpMs < 2_000, `told after ${silentMs} ms, over after ${heldUpMs} ms`);
      assert.equal((await system.admin.status()).pid, pid, 'the process is the same');
      await system.admin.start('sample.trouble', {});
      await delay(50);
      assert.ok((await ping()).ticks > before.ticks, 'timers of others go on');
      assert.deepEqual(await trouble('exit'), { status: 200, answer: 'PROCESS_REFUSED' });
    });
  }

  it('tells stray errors to the bundle whose they are, and goes on', async () => {
    const { pid } = await system.admin.status();
    for (const how of ['forgotten-rejection', 'throw-in-listener', 'throw-in-tick', 'stack-overflow']) await trouble(how);
    await ping();
    const lines = (await system.admin.logs({ bundle: 'sample.trouble', level: 'error' })).map(
      ({ message, fields }) => `${message} ${String(fields['error'])}`,
    );
    for (const what of ['nobody handles this', 'thrown in a listener', 'thrown in a tick']) {
      assert.match(lines.find((line) => line.includes(what)) ?? '', /kinds\.ts:\d+/, what);
    }
    assert.equal((await system.admin.status()).pid, pid);
  });

  for (const how of ['add-to-object', 'add-to-array', 'add-to-function', 'add-to-promise', 'add-by-proto', 'delete-map', 'delete-then']) {
    it(`lets nobody ${how}`, async () => {
      assert.equal((await trouble(how)).answer, 'refused');
    });
  }

  for (const how of [
    'patch-map',
    'patch-then',
    'patch-parse',
    'patch-has-own',
    'patch-split',
    'patch-global-timer',
    'patch-map-get',
    'patch-random',
  ]) {
    it(`sees '${how}' within two seconds, puts it back and quarantines the bundle`, async () => {
      const startedAt = performance.now();
      assert.equal((await trouble(how)).answer, 'patched');
      const reason = await quarantined();
      assert.match(reason, /was overwritten by 'sample\.trouble' 1\.0\.0/);
      assert.ok(performance.now() - startedAt < 2_000);
      assert.deepEqual((await ping()).mapped, [2, 4]);
      await system.admin.start('sample.trouble', {});
    });
  }

  const IN_START: Readonly<Record<string, string>> = {
    'while its code is evaluated': 'for (;;) { }',
    'in its activator': 'exports.default = { ...exports.default, activate() { for (;;) { } } };',
    'in its activator, after an await': 'exports.default = { ...exports.default, async activate() { await null; for (;;) { } } };',
    'in the constructor of a component': `
      const { Component } = require('@sluice/sdk');
      class Spinning { constructor() { for (;;) { } } }
      Component()(Spinning);
      exports.default = { ...exports.default, components: [Spinning], activate() {} };`,
  };
  for (const [where, code] of Object.entries(IN_START)) {
    it(`refuses a deploy that loops ${where}, and the version before serves on`, async () => {
      const changed = withChanges(await sampleArtifact('calm'), { version: '1.1.0', code });
      const startedAt = performance.now();
      const outcome = await system.admin.deploy([changed], {});
      assert.equal(outcome.outcome, 'refused');
      assert.match(outcome.error?.message ?? '', /'sample\.calm' 1\.1\.0 held the whole process up/);
      assert.ok(performance.now() - startedAt < 2_000);
      await ping();
    });
  }

  it('keeps a bundle down that the process before was ended for', async () => {
    await system.kill();
    const frame = { functionName: 'spin', url: 'bundle://sample.trouble@1.0.0/dist/bundle.cjs', line: 4, column: 2 };
    writeFileSync(
      join(system.dataFolder, 'endless-loop.json'),
      JSON.stringify({ at: 1, silentMs: 800, frames: [frame], outcome: 'killed' }),
    );
    await system.launch();
    assert.match(
      await quarantined(),
      /held the whole process up for 800 ms in function 'spin' at bundle:\/\/sample\.trouble@1\.0\.0\/dist\/bundle\.cjs:4:2/,
    );
    await ping();
    await system.kill();
    await system.launch();
    assert.deepEqual(await trouble('exit'), { status: 200, answer: 'PROCESS_REFUSED' });
  });
});
