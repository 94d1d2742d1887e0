/** Promises of the pure parts of the configuration bundle: file text, masking, differences, and the loop that decides when to scan. */
import { deepStrictEqual as equal } from 'node:assert';
import fc from 'fast-check';
import { settle, VirtualClock } from '@sluice/kernel/testing/virtual-clock';
import { canonical, changesBetween, formatHistory, parseHistory } from '../../../../plugins/system/config/domain/changes.js';
import { maskSecrets } from '../../../../plugins/system/config/domain/masking.js';
import { ScanLoop } from '../../../../plugins/system/config/domain/scan-loop.js';
import { formatValueFile, parseValueFile } from '../../../../plugins/system/config/domain/value-file.js';

const key = fc.stringMatching(/^[a-z][a-zA-Z-]{0,8}$/).filter((name) => name !== 'constructor' && name !== 'prototype');
const values = fc.dictionary(key, fc.jsonValue(), { noNullPrototype: true });

describe('system.config value files', () => {
  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(values, fc.uniqueArray(key), (content, locked) => {
        const file = parseValueFile(formatValueFile({ values: content, locked }));
        equal(JSON.parse(JSON.stringify(file)), JSON.parse(JSON.stringify({ values: content, locked })));
      }),
    );
  });

  it('never takes a cut file for a whole one', () => {
    fc.assert(
      fc.property(values, fc.nat(), (content, cut) => {
        const text = JSON.stringify(content);
        const read = parseValueFile(text.slice(0, cut % text.length));
        equal('found' in read, true);
      }),
    );
  });

  it('says what it found and what it expected', () => {
    const found = ['', '[]', '7', '"x"', '{"$locked": "a"}', '{"__proto__": 1}', '{"$other": 1}'].map((text) => {
      const read = parseValueFile(text);
      return 'found' in read ? read.found : read;
    });
    equal(found, [
      'an empty file',
      'a list',
      '7',
      '"x"',
      "'$locked' that is no list of keys",
      "key '__proto__', which JavaScript reserves",
      "key '$other', which is not a configuration key",
    ]);
  });
});

describe('system.config masking', () => {
  it('finds secrets in objects, lists, alternatives and maps', () => {
    const secret = { 'x-secret': true };
    const schema = {
      properties: {
        list: { items: { properties: { token: secret } } },
        either: { anyOf: [{ type: 'string' }, { properties: { token: secret } }] },
        map: { additionalProperties: secret },
        open: {},
      },
    };
    const value = {
      list: [{ token: 'a', n: 1 }],
      either: { token: 'b' },
      map: { x: 'c', y: { $env: 'E' } },
      open: { token: 'kept' },
    };
    equal(maskSecrets(value, schema), {
      list: [{ token: '***', n: 1 }],
      either: { token: '***' },
      map: { x: '***', y: { $env: 'E' } },
      open: { token: 'kept' },
    });
    equal(maskSecrets({ a: 1 }, undefined), '***');
    equal(maskSecrets({ $env: 'A', more: 1 }, undefined), '***');
  });
});

describe('system.config history', () => {
  const origin = { at: 1, actor: 'anna', layer: 'runtime', schema: { additionalProperties: {} } } as const;

  it('has a record for exactly the keys that differ, and they lead from before to after', () => {
    fc.assert(
      fc.property(values, values, (before, after) => {
        const changes = parseHistory(formatHistory(changesBetween(before, after, origin)), 1_000);
        const replayed: Record<string, unknown> = { ...before };
        for (const change of changes) {
          equal(canonical(replayed[change.key]), canonical(change.before));
          if (change.after === undefined) delete replayed[change.key];
          else replayed[change.key] = change.after;
        }
        equal(canonical(replayed), canonical(after));
      }),
    );
  });

  it('passes over a line cut by a crash and keeps the newest', () => {
    const changes = changesBetween({}, { a: 1, b: 2, c: 3 }, origin);
    const text = `${formatHistory(changes)}{"at":1,"act`;
    equal(
      parseHistory(text, 2).map((change) => change.key),
      ['b', 'c'],
    );
  });
});

describe('system.config scan loop', () => {
  function setup() {
    const clock = new VirtualClock();
    const scans: number[] = [];
    const state = { outcome: 'settled' as 'settled' | 'settling', gate: null as Promise<void> | null };
    const loop = new ScanLoop(clock, { scanPeriodMs: 1_000, settleMs: 100 }, async () => {
      scans.push(clock.monotonic());
      await state.gate;
      return state.outcome;
    });
    loop.start();
    return { clock, scans, state, loop };
  }

  it('scans in its period, soon after hints, and again while something settles', async () => {
    const { clock, scans, state, loop } = setup();
    await clock.advance(2_000);
    equal(scans, [1_000, 2_000]);
    for (let index = 0; index < 20; index++) loop.hint();
    await clock.advance(150);
    equal(scans, [1_000, 2_000, 2_100]);
    state.outcome = 'settling';
    loop.hint();
    await clock.advance(220);
    state.outcome = 'settled';
    await clock.advance(1_000);
    equal(scans, [1_000, 2_000, 2_100, 2_250, 2_350, 2_450]);
    await loop.stop();
    equal(clock.pending, 0);
  });

  it('looks once more after a hint that came during a scan', async () => {
    const { clock, scans, state, loop } = setup();
    let open: () => void = () => undefined;
    state.gate = new Promise((resolve) => (open = resolve));
    await clock.advance(1_000);
    loop.hint();
    await clock.advance(5_000);
    equal(scans, [1_000]);
    state.gate = null;
    open();
    await settle();
    await clock.advance(100);
    equal(scans, [1_000, 6_100]);
    await loop.stop();
  });

  it('waits in stop for the scan under way and begins none after', async () => {
    const { clock, scans, state, loop } = setup();
    let open: () => void = () => undefined;
    state.gate = new Promise((resolve) => (open = resolve));
    await clock.advance(1_000);
    let stopped = false;
    const stopping = loop.stop().then(() => (stopped = true));
    await settle();
    equal(stopped, false);
    open();
    await stopping;
    loop.hint();
    await clock.advance(10_000);
    equal([scans, clock.pending], [[1_000], 0]);
  });
});
