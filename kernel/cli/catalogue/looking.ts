/** Commands that look and change nothing. */
import type { CommandSpec } from '../command.js';
import { SORT_KEYS } from '../traffic.js';

const listings = (): typeof import('../commands/listings.js') =>
  require('../commands/listings.js') as typeof import('../commands/listings.js');
const inspecting = (): typeof import('../commands/inspect.js') =>
  require('../commands/inspect.js') as typeof import('../commands/inspect.js');
const streams = (): typeof import('../commands/streams.js') => require('../commands/streams.js') as typeof import('../commands/streams.js');
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

/** The commands of the group Looking. */
export const LOOKING_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'status',
    group: 'Looking',
    summary: 'The kernel at a glance',
    load: () => require('../commands/status.js') as typeof import('../commands/status.js'),
  },
  {
    name: 'ls',
    group: 'Looking',
    summary: 'List the installed bundles',
    arguments: [{ usage: '[part]', summary: 'only bundles with this in their name', completes: 'bundle' }],
    load: () => ({ run: listings().ls }),
  },
  {
    name: 'inspect',
    group: 'Looking',
    summary: 'Show everything about a bundle',
    arguments: [{ usage: '<bundle>', summary: 'name of the bundle', completes: 'bundle' }],
    load: () => ({ run: inspecting().inspect }),
  },
  {
    name: 'why',
    group: 'Looking',
    summary: 'Explain a bundle, service, route or component: a chain of causes',
    description:
      'Looks at state, resolver, components, configuration, health and history, follows what is missing to the bundle that causes it, and ' +
      'names the next command.',
    arguments: [
      { usage: '<subject>', summary: 'bundle, bundle/Component, contract, #service-id, /path or "GET /path"', completes: 'bundle' },
    ],
    examples: ['sluice why business.transfer', 'sluice why core.ledger.Posting', 'sluice why "GET /mobile/status"'],
    load: () => ({ run: inspecting().why }),
  },
  {
    name: 'services',
    group: 'Looking',
    summary: 'List the registered services and who uses them',
    arguments: [{ usage: '[filter]', summary: 'part of a contract name, or an RFC 4515 filter such as (currency=CNY)' }],
    load: () => ({ run: listings().services }),
  },
  {
    name: 'routes',
    group: 'Looking',
    summary: 'List the served HTTP routes',
    arguments: [{ usage: '[part]', summary: 'only routes with this in their path or bundle' }],
    load: () => ({ run: listings().routes }),
  },
  {
    name: 'history',
    group: 'Looking',
    summary: 'List recent changes: who, when, what, with which outcome',
    options: [{ flags: '--limit <number>', summary: 'at most this many (default: 20)' }],
    load: () => ({ run: listings().history }),
  },
  {
    name: 'logs',
    group: 'Looking',
    endsOnSignal: true,
    summary: 'Print log lines',
    arguments: [{ usage: '[bundle]', summary: 'only lines of this bundle', completes: 'bundle' }],
    options: [
      { flags: '-f, --follow', summary: 'go on with each new line' },
      { flags: '-l, --level <level>', summary: 'lowest level', choices: LEVELS },
      { flags: '-n, --lines <number>', summary: 'at most this many recent lines (default: 200, with --follow 20)' },
    ],
    load: () => ({ run: streams().logs }),
  },
  {
    name: 'events',
    group: 'Looking',
    endsOnSignal: true,
    summary: 'Print bundle, service and framework events as they happen',
    load: () => ({ run: streams().events }),
  },
  {
    name: 'leaks',
    group: 'Looking',
    summary: 'Tell which replaced revisions are held in memory, and by what',
    description: 'Exits with 9 when one is known to be held. A verdict needs garbage collections, which come by themselves in time.',
    options: [{ flags: '--gc', summary: 'force collections first; stops the process for some 40 ms each' }],
    load: () => require('../commands/leaks.js') as typeof import('../commands/leaks.js'),
  },
  {
    name: 'top',
    group: 'Looking',
    endsOnSignal: true,
    summary: 'Show what each bundle does and holds, again and again',
    description:
      'Requests and other entries a second, under way, durations, failures, services, timers, listeners, replaced revisions not yet gone. ' +
      'On a terminal one key sorts: n r i p f s t l h; q quits. p50 and p99 are at most a quarter too high.',
    options: [
      { flags: '--interval <duration>', summary: 'time between two readings (default: 2s, with --once 1s)' },
      { flags: '--sort <key>', summary: 'what to sort by (default: requests)', choices: SORT_KEYS },
      { flags: '--once', summary: 'two readings, one table' },
      { flags: '--heap', summary: 'measure the heap by bundle first; stops the process for about a second per 100 MB' },
    ],
    examples: ['sluice top', 'sluice top --once --json', 'sluice top --sort p99 --interval 5s'],
    load: () => require('../commands/top.js') as typeof import('../commands/top.js'),
  },
  {
    name: 'dump',
    group: 'Looking',
    summary: 'Write one archive for whoever looks for a fault, without secrets',
    description:
      'Bundles, wires, services, components, routes, scopes as a tree, configuration without secrets, entries under way, figures, health, ' +
      'history, the last events and log lines. Without a running kernel it holds what the data folder tells.',
    arguments: [{ usage: '[file]', summary: 'archive to write (default: sluice-dump-<time>.tgz)', completes: 'file' }],
    options: [{ flags: '--heap', summary: 'measure the heap by bundle first; stops the process for about a second per 100 MB' }],
    load: () => require('../commands/dump.js') as typeof import('../commands/dump.js'),
  },
];
