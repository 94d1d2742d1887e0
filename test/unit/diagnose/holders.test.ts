/** What holds an ended revision, grouped by kind: the lines are those that the heap search and the scope write. */
import { deepStrictEqual as equal, match } from 'node:assert';
import { groupHolders } from '@sluice/kernel/lifecycle/holders';

describe('holders by kind', () => {
  const table: readonly (readonly [line: string, kind: string])[] = [
    ['timer: Timeout with callback tick', 'timer'],
    ['interval of 500 ms', 'timer'],
    ["process listener: process.on('exit')", 'process listener'],
    ["emitter listener: 'data' on Socket", 'event listener'],
    ['event listener (anonymous) on AbortSignal', 'event listener'],
    ['global property: globalThis.cache', 'global'],
    ['patched class: Array.prototype.last', 'patched class'],
    ["variable 'kept' of bundle other 1.0.0", 'variable of another'],
    ['native handle: Node / TCPSocketWrap', 'native handle'],
    ['pending promise: code of the bundle awaits it', 'pending promise'],
    ['entry of a Map, kept by variable x', 'collection'],
    ['service 7 test.Rates', 'left behind'],
    ['unknown holder: a > b > c', 'unknown'],
  ];
  for (const [line, kind] of table) it(`${line}: ${kind}`, () => equal(groupHolders([line])[0]?.kind, kind));

  it('are listed once each, together with the cure', () => {
    const groups = groupHolders(['timer: a', 'service 1 x', 'timer: b', 'timer: a']);
    equal(
      groups.map(({ kind, holders }) => [kind, holders]),
      [
        ['timer', ['timer: a', 'timer: b']],
        ['left behind', ['service 1 x']],
      ],
    );
    for (const { remedy } of groups) match(remedy, /^[A-Z].*\.$/);
  });
});
