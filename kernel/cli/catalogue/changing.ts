/** Commands that change what is installed, running or configured. */
import { ARTIFACT_OPTIONS, CHANGE_OPTIONS, SWAP_OPTIONS } from '../change-options.js';
import type { CommandSpec } from '../command.js';

const changes = (): typeof import('../commands/changes.js') => require('../commands/changes.js') as typeof import('../commands/changes.js');
const config = (): typeof import('../commands/config.js') => require('../commands/config.js') as typeof import('../commands/config.js');

const ARTIFACTS = {
  usage: '<artifacts...>',
  summary: '.tgz files, folders of them, or folders of bundles (packed first)',
  completes: 'file',
} as const;
const BUNDLE = { usage: '<bundle>', summary: 'name of the bundle', completes: 'bundle' } as const;

/** The commands of the group Changing. */
export const CHANGING_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'plan',
    group: 'Changing',
    summary: 'Show what a deploy would do; changes nothing',
    description: 'Exits with 3 when the deploy would be refused.',
    arguments: [ARTIFACTS],
    options: ARTIFACT_OPTIONS,
    load: () => ({ run: changes().plan }),
  },
  {
    name: 'deploy',
    group: 'Changing',
    summary: 'Install or replace bundles without a gap',
    description:
      'Stores, checks, resolves, starts and probes the new revisions beside the old ones, then switches all of them in one step. ' +
      'Whatever fails before the switch leaves everything as it was. During probation the new revisions are taken back when they do worse.',
    arguments: [{ ...ARTIFACTS, summary: `${ARTIFACTS.summary}, or digests of uploaded artifacts` }],
    options: [
      ...SWAP_OPTIONS,
      ...ARTIFACT_OPTIONS,
      { flags: '--wait', summary: 'wait until probation is over; exits with 7 when it was rolled back' },
      ...CHANGE_OPTIONS,
    ],
    examples: ['sluice deploy build/bundles', 'sluice deploy plugins/core/ledger --watch 1m --wait', 'sluice deploy new.tgz --dry-run'],
    load: () => ({ run: changes().deploy }),
  },
  {
    name: 'confirm',
    group: 'Changing',
    summary: 'End probation early and keep the new revisions',
    load: () => ({ run: changes().confirm }),
  },
  {
    name: 'rollback',
    group: 'Changing',
    summary: 'Return a bundle to the revision before, by a swap',
    arguments: [BUNDLE],
    options: [...SWAP_OPTIONS, ...CHANGE_OPTIONS],
    load: () => ({ run: changes().rollback }),
  },
  {
    name: 'install',
    group: 'Changing',
    summary: 'Install bundles without starting them',
    arguments: [ARTIFACTS],
    options: [...ARTIFACT_OPTIONS, ...CHANGE_OPTIONS],
    load: () => ({ run: changes().install }),
  },
  {
    name: 'update',
    group: 'Changing',
    summary: 'Update a bundle in place, as OSGi does: stop, update, start',
    description: 'There is a gap while the bundle is stopped; `sluice deploy` has none.',
    arguments: [{ usage: '<artifact>', summary: 'a .tgz file or the folder of a bundle', completes: 'file' }],
    options: CHANGE_OPTIONS,
    load: () => ({ run: changes().update }),
  },
  {
    name: 'uninstall',
    group: 'Changing',
    summary: 'Stop and remove a bundle',
    arguments: [BUNDLE],
    options: CHANGE_OPTIONS,
    load: () => ({ run: changes().uninstall }),
  },
  {
    name: 'config get',
    group: 'Changing',
    summary: 'Show the configuration of a bundle, each value with its origin',
    arguments: [BUNDLE, { usage: '[key]', summary: 'print only this value' }],
    load: () => ({ run: config().get }),
  },
  {
    name: 'config set',
    group: 'Changing',
    summary: 'Set run-time values of a bundle; it is told at once',
    arguments: [BUNDLE, { usage: '<assignments...>', summary: 'key=value; the value is JSON where it is JSON, key= removes it' }],
    options: [{ flags: '--string', summary: 'take the values as texts, also when they look like JSON' }],
    examples: ['sluice config set system.http port=8081', 'sluice config set hello greeting='],
    load: () => ({ run: config().set }),
  },
  {
    name: 'config history',
    group: 'Changing',
    summary: 'List the changes of the configuration of a bundle',
    arguments: [BUNDLE],
    load: () => ({ run: config().history }),
  },
];
