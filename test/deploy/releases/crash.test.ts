/** A process that is killed at any instant of a release comes up wholly old or wholly new: contents and configuration, in force and kept. */
import { strict as assert } from 'node:assert';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeArchive } from '@sluice/kernel/host/archive-writer';
import { BUNDLES, System } from '../../support/system.js';
import { seeded } from '../../verify/random.js';

const ROUNDS = Number(process.env['SLUICE_ROUNDS'] ?? 12);
const SEED = Number(process.env['SLUICE_SEED'] ?? Date.now() % 1_000_000);
/** Longest time from the request to the kill: a release of this size is committed after some 15 ms. */
const KILL_AFTER_MS_MAX = 40;

/** A bundle that tells which version it is and which word it was started with. */
function teller(version: string): Buffer {
  return writeArchive({
    'package.json': JSON.stringify({
      ...{ name: '@test/teller', version },
      sluice: {
        ...{ sdk: '^1.0.0', symbolicName: 'test.teller', startLevel: 60 },
        config: { schema: { type: 'object', additionalProperties: false, properties: { word: { type: 'string', default: 'none' } } } },
      },
    }),
    'dist/bundle.cjs': `exports.default = require('@sluice/sdk').defineBundle({
      activate: (context) => context.log.info('${version} with ' + context.config.word),
    });`,
  });
}

describe('a release that is killed', function () {
  this.timeout(60_000 + ROUNDS * 5_000);
  let folder: string;
  let system: System;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-killed-'));
    mkdirSync(join(folder, 'bundles'));
    copyFileSync(join(BUNDLES, 'system.config-1.0.0.tgz'), join(folder, 'bundles/config.tgz'));
    system = await System.start({ bundles: join(folder, 'bundles') });
    await system.admin.deployRelease(release('1.0.0'), [teller('1.0.0')], { watchMs: 0 });
  });
  after(async () => {
    await system.stop();
    rmSync(folder, { recursive: true });
  });

  const release = (version: string) => ({
    ...{ name: 'bank', version, bundles: [{ name: 'test.teller', version }] },
    configuration: { 'test.teller': { word: `word of ${version}` } },
  });

  it(`is wholly old or wholly new, ${ROUNDS} times (SLUICE_SEED=${SEED})`, async () => {
    const random = seeded(SEED);
    let before = '1.0.0';
    for (let round = 1; round <= ROUNDS; round += 1) {
      const after = `1.${round}.0`;
      const killAfterMs = Math.floor(random() * KILL_AFTER_MS_MAX);
      const answer = system.admin.deployRelease(release(after), [teller(after)], { watchMs: 0 }).then(
        ({ outcome }) => outcome,
        () => 'cut',
      );
      await new Promise((done) => setTimeout(done, killAfterMs));
      await system.kill();
      const told = await answer;
      await system.launch();

      const { version, state } = await system.admin.inspect('test.teller');
      const said = (await system.admin.logs({ bundle: 'test.teller' })).at(-1)?.message;
      const [kept] = await system.admin.configOf('test.teller');
      const where = `round ${round}, killed after ${killAfterMs} ms, answer '${told}'`;
      assert.ok(version === before || version === after, `${where}: ${version}`);
      if (told === 'committed') assert.equal(version, after, `${where}: what was told as done is there`);
      assert.deepEqual([state, said, kept?.value], ['ACTIVE', `${version} with word of ${version}`, `word of ${version}`], where);
      const releases = (await system.admin.releases()).filter(({ outcome }) => outcome !== 'rolled-back');
      assert.equal(releases.at(-1)?.version, version, where);
      before = version;
    }
  });
});
