/** Commands that run a kernel and keep its data. */
import type { CommandSpec } from '../command.js';
import { CHANGE_OPTIONS } from '../change-options.js';

/** The commands of the groups Running and Keeping. */
export const RUNNING_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'start',
    group: 'Running',
    endsOnSignal: true,
    outlivesReaders: true,
    summary: 'Run a kernel in the foreground, or start a bundle',
    description:
      'Without a bundle: runs a kernel on the data folder in the foreground until it is interrupted or stopped. A new data folder ' +
      'begins with the artifacts of --bundles, deployed as one plan. With a bundle: starts it, now and after each restart.',
    arguments: [{ usage: '[bundle]', summary: 'bundle to start', completes: 'bundle' }],
    options: [
      { flags: '--bundles <folder>', summary: 'artifacts for a new data folder (default: $SLUICE_BUNDLES, else build/bundles)' },
      { flags: '--no-bundles', summary: 'begin a new data folder empty' },
      {
        flags: '--log-level <level>',
        summary: 'lowest level on standard error until a log bundle runs (default: warn)',
        choices: ['trace', 'debug', 'info', 'warn', 'error', 'fatal'],
      },
      {
        flags: '--trust <policy>',
        summary: 'off, warn or require signatures (default: as trust/settings.json of the data folder says, else warn)',
        choices: ['off', 'warn', 'require'],
      },
      {
        flags: '--admin-listen <address>',
        summary: 'serve the admin interface on TCP too, with tokens: 127.0.0.1:8443 (default: only the socket)',
      },
      {
        flags: '--admin-tls <files>',
        summary: 'its certificate,key[,authority of client certificates]; needed on other addresses than loopback',
      },
      { flags: '--greeting <file>', summary: 'text to print once the kernel runs; {address} stands for where it listens' },
      { flags: '-w, --watch <duration>', summary: 'probation after each swap, unless a deploy says otherwise (default: 30s)' },
      { flags: '--inspect [port]', summary: 'let a debugger attach, from this machine (default port: 9229)' },
      { flags: '--supervised', summary: 'keep the listening sockets in a supervisor, which starts the kernel again and can replace it' },
      { flags: '--lame-duck <duration>', summary: 'at the end, take work this much longer while readiness says no (default: 0s)' },
      ...CHANGE_OPTIONS,
    ],
    examples: ['sluice start', 'sluice start --data /var/lib/bank --bundles build/bundles', 'sluice start core.ledger'],
    load: () => require('../commands/start.js') as typeof import('../commands/start.js'),
  },
  {
    name: 'stop',
    group: 'Running',
    summary: 'Shut the kernel down, or stop a bundle',
    description:
      'Without a bundle: stops everything in order and waits until the process has ended. With a bundle: stops it, now and after each restart.',
    arguments: [{ usage: '[bundle]', summary: 'bundle to stop', completes: 'bundle' }],
    options: [{ flags: '--timeout <duration>', summary: 'longest wait for the kernel to end (default: 2m)' }, ...CHANGE_OPTIONS],
    load: () => require('../commands/stop.js') as typeof import('../commands/stop.js'),
  },
  {
    name: 'upgrade',
    group: 'Running',
    summary: 'Replace the running kernel without a lost connection',
    description:
      'Needs `sluice start --supervised`. The new kernel loads its code while the old one serves; then the old one lets its clients go and ' +
      'ends, connections wait in the listening socket, and the new one begins. When it does not serve, the old one comes back.',
    options: [
      { flags: '--kernel <folder>', summary: 'folder of the new @sluice/kernel (default: the folder of the running one, read again)' },
      { flags: '--node <file>', summary: 'Node executable to run it with (default: the running one)' },
      { flags: '--lame-duck <duration>', summary: 'take work this much longer while readiness says no (default: as started)' },
    ],
    examples: ['sluice upgrade', 'sluice upgrade --kernel /opt/sluice-0.2/node_modules/@sluice/kernel'],
    load: () => require('../commands/upgrade.js') as typeof import('../commands/upgrade.js'),
  },
  {
    name: 'backup',
    group: 'Keeping',
    summary: 'Write a consistent archive of the data folder while it serves',
    arguments: [{ usage: '[file]', summary: 'archive to write (default: sluice-backup-<time>.tgz)', completes: 'file' }],
    load: () => ({ run: (require('../commands/keeping.js') as typeof import('../commands/keeping.js')).backup }),
  },
  {
    name: 'restore',
    group: 'Keeping',
    summary: 'Make a new data folder from a backup',
    description: 'Checks the archive and writes it into the data folder, which must be new or empty. No kernel may run on it.',
    arguments: [{ usage: '<file>', summary: 'archive made by `sluice backup`', completes: 'file' }],
    examples: ['sluice restore sluice-backup-20261125-104207.tgz --data /var/lib/bank'],
    load: () => ({ run: (require('../commands/keeping.js') as typeof import('../commands/keeping.js')).restore }),
  },
];
