/**
 * Kills a process that posts, at random instants, and checks the books each time. Rounds: SLUICE_CRASH_ROUNDS (default 6 a database);
 * replay a run with SLUICE_SEED.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import sqlite3 from 'sqlite3';
import { openPlace, postgresPlace, sqlitePlace, type Place } from '../../contract/data/databases.js';
import { needServer, POSTGRES_URL } from '../../support/servers.js';
import { check, prepare, randomFrom } from './postings.js';

const ROUNDS = Number(process.env['SLUICE_CRASH_ROUNDS'] ?? 6);
const SEED = Number(process.env['SLUICE_SEED'] ?? Date.now() % 1_000_000);
/** Latest instant of a kill after the first posting may begin. */
const KILL_MS_MAX = 250;

describe(`a process killed while it posts (seed ${SEED})`, function () {
  this.timeout(30_000 + ROUNDS * 5_000);

  it('leaves acknowledged postings recorded and nothing by halves on SQLite', async () => {
    const place = sqlitePlace();
    try {
      await killRepeatedly(place);
      assert.deepEqual(await integrity(place.name), ['ok']);
    } finally {
      await place.dispose();
    }
  });

  it('leaves acknowledged postings recorded and nothing by halves on PostgreSQL', async function () {
    await needServer(this, 'PostgreSQL', POSTGRES_URL);
    const place = await postgresPlace();
    try {
      await killRepeatedly(place);
    } finally {
      await place.dispose();
    }
  });
});

async function killRepeatedly(place: Place): Promise<void> {
  const random = randomFrom(SEED);
  const first = await openPlace(place.dialect, place.name);
  await prepare(first.service('core.ledger'));
  await first.close();
  const acknowledged: string[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    acknowledged.push(...(await postUntilKilled(place, `r${round}`, Math.floor(random() * 2 ** 31), random() * KILL_MS_MAX)));
    const database = await openPlace(place.dialect, place.name);
    const recorded = await check(database.service('core.ledger'), acknowledged);
    await database.close();
    assert.ok(recorded >= acknowledged.length);
  }
  assert.ok(acknowledged.length > 0, 'no posting was acknowledged in any round: the test shows nothing');
}

/** Runs one child and returns the keys it acknowledged before it died. */
async function postUntilKilled(place: Place, prefix: string, seed: number, afterMs: number): Promise<string[]> {
  const child = spawn(process.execPath, [join(__dirname, 'posting-child.js'), place.dialect, place.name, prefix, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (output === '') setTimeout(() => child.kill('SIGKILL'), afterMs);
    output += text;
  });
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  assert.equal(signal, 'SIGKILL', 'the child ended by itself');
  // The last line may be cut.
  return output
    .slice(0, output.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line.startsWith(`${prefix}-`));
}

function integrity(file: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const database = new sqlite3.Database(file, sqlite3.OPEN_READONLY);
    database.all('PRAGMA integrity_check', (error: Error | null, rows: { integrity_check: string }[]) => {
      database.close();
      if (error === null) resolve(rows.map((row) => row.integrity_check));
      else reject(error);
    });
  });
}
