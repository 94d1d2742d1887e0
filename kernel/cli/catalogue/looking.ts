/** Commands that look and change nothing. */
import type { CommandSpec } from '../command.js';

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
    summary: 'Explain the state of a bundle, service, route or component as a chain of causes',
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
    summary: 'Tell which replaced revisions are still held in memory',
    description: 'Exits with 9 when one is known to be held. A verdict needs garbage collections, which come by themselves in time.',
    options: [{ flags: '--gc', summary: 'force collections first; stops the process for some 40 ms each' }],
    load: () => ({ run: listings().leaks }),
  },
];
