/** Commands that change what is installed, running or configured. */
import { ARTIFACT_OPTIONS, CHANGE_OPTIONS, SWAP_OPTIONS, TEMPORARY_OPTION } from '../change-options.js';
import type { CommandSpec } from '../command.js';
import { PLACE_OPTIONS } from '../places.js';

const changes = (): typeof import('../commands/changes.js') => require('../commands/changes.js') as typeof import('../commands/changes.js');
const deploying = (): typeof import('../commands/deploy.js') => require('../commands/deploy.js') as typeof import('../commands/deploy.js');
const releasing = (): typeof import('../commands/release.js') =>
  require('../commands/release.js') as typeof import('../commands/release.js');
const config = (): typeof import('../commands/config.js') => require('../commands/config.js') as typeof import('../commands/config.js');

const ARTIFACTS = {
  usage: '<artifacts...>',
  summary: '.tgz files, folders of them, folders of bundles (packed first), URLs, npm:package@range',
  completes: 'file',
} as const;
const BUNDLE = { usage: '<bundle>', summary: 'name of the bundle', completes: 'bundle' } as const;

/** The commands of the group Changing. */
export const CHANGING_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'plan',
    group: 'Changing',
    summary: 'Show what a deploy would do; changes nothing',
    description:
      'Of artifacts or of a release file. Exits with 3 when the deploy would be refused. A plan written with --out is done by `sluice deploy` ' +
      'on it, and refused when anything changed in between.',
    arguments: [{ ...ARTIFACTS, summary: `${ARTIFACTS.summary}; or one release file (.json)` }],
    options: [...ARTIFACT_OPTIONS, { flags: '--out <file>', summary: 'write the plan to a file for `sluice deploy`' }, ...PLACE_OPTIONS],
    examples: ['sluice plan new.tgz', 'sluice plan bank-1.1.0.json --out bank.plan.json'],
    load: () => ({ run: deploying().plan }),
  },
  {
    name: 'deploy',
    group: 'Changing',
    summary: 'Install or replace bundles without a gap',
    description:
      'Stores, checks, resolves, starts and probes the new revisions beside the old ones, then switches all of them in one step. ' +
      'Whatever fails before the switch leaves everything as it was. During probation the new revisions are taken back when they do worse.',
    arguments: [{ ...ARTIFACTS, summary: `${ARTIFACTS.summary}, digests of uploaded artifacts; or one release or plan file (.json)` }],
    options: [
      ...SWAP_OPTIONS,
      ...ARTIFACT_OPTIONS,
      TEMPORARY_OPTION,
      ...PLACE_OPTIONS,
      { flags: '--wait', summary: 'wait until probation is over; exits with 7 when it was rolled back' },
      ...CHANGE_OPTIONS,
    ],
    examples: ['sluice deploy build/bundles', 'sluice deploy plugins/core/ledger --watch 1m --wait', 'sluice deploy new.tgz --dry-run'],
    load: () => ({ run: deploying().deploy }),
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
    summary: 'Return a bundle, or the whole release, to what was before',
    arguments: [{ ...BUNDLE, usage: '[bundle]' }],
    options: [
      { flags: '--release', summary: 'return from the release deployed last: contents, removals, configuration' },
      ...SWAP_OPTIONS,
      ...CHANGE_OPTIONS,
    ],
    load: () => ({ run: releasing().rollback }),
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
  {
    name: 'config describe',
    group: 'Changing',
    summary: 'List what the configuration of a bundle can hold',
    arguments: [BUNDLE],
    load: () => ({ run: (require('../commands/describe.js') as typeof import('../commands/describe.js')).describe }),
  },
];
