/** Nearest names: what a typing slip finds, and what it does not. */
import assert from 'node:assert/strict';
import { nearestNames } from '@sluice/kernel/model/index';

describe('model: nearest names', () => {
  const known = ['startLevel', 'stateVersion', 'startTimeoutMs', 'stopTimeoutMs', 'singleton', 'sdk', 'requires', 'requirements'];
  const table: readonly [name: string, nearest: readonly string[]][] = [
    ['startlevel', ['startLevel']],
    ['satrtLevel', ['startLevel']],
    ['startLevl', ['startLevel']],
    ['stopTimeout', ['stopTimeoutMs']],
    ['strtTimeoutMs', ['startTimeoutMs', 'stopTimeoutMs']],
    ['skd', ['sdk']],
    ['require', ['requires']],
    ['zzz', []],
    ['', []],
    ['x'.repeat(300), []],
  ];
  for (const [name, nearest] of table) {
    it(JSON.stringify(name.slice(0, 20)), () => assert.deepEqual(nearestNames(name, known), nearest));
  }

  it('gives at most as many as asked, nearest first, then by name', () => {
    assert.deepEqual(nearestNames('abc', ['abd', 'abe', 'abc', 'xyz'], 2), ['abc', 'abd']);
  });
});
