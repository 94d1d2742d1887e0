/** Commands for authors of bundles. */
import type { CommandSpec } from '../command.js';

const completion = (): typeof import('../commands/completion.js') =>
  require('../commands/completion.js') as typeof import('../commands/completion.js');

const FOLDER = { usage: '[folder]', summary: 'folder of the bundle (default: the working folder)', completes: 'folder' } as const;

/** The commands of the group Developing. */
export const DEVELOPING_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'create',
    group: 'Developing',
    summary: 'Make the folder of a new bundle that builds, tests and deploys at once',
    arguments: [{ usage: '<name>', summary: 'symbolic name, e.g. hello or business.rates' }],
    options: [
      { flags: '--family <family>', summary: 'family of the bundle', choices: ['platform', 'business', 'channel', 'core', 'other'] },
      { flags: '--folder <folder>', summary: 'where to make it (default: the name)' },
      { flags: '--no-install', summary: 'do not fetch its packages' },
    ],
    examples: ['sluice create hello && cd hello && sluice dev'],
    load: () => require('../commands/create.js') as typeof import('../commands/create.js'),
  },
  {
    name: 'dev',
    group: 'Developing',
    endsOnSignal: true,
    summary: 'Rebuild and redeploy a bundle on each save',
    description: 'Deploys to the kernel on the data folder; starts one with the system bundles when none runs, and stops it at the end.',
    arguments: [FOLDER],
    options: [{ flags: '--bundles <folder>', summary: 'where the system bundles are (default: $SLUICE_BUNDLES, else build/bundles)' }],
    load: () => require('../commands/dev.js') as typeof import('../commands/dev.js'),
  },
  {
    name: 'build',
    group: 'Developing',
    summary: 'Bundle a bundle folder into dist/bundle.cjs',
    arguments: [FOLDER],
    load: () => require('../commands/build.js') as typeof import('../commands/build.js'),
  },
  {
    name: 'pack',
    group: 'Developing',
    summary: 'Build bundle folders and write their artifacts',
    description:
      'Builds each folder, derives its contracts, checks the manifest and writes <name>-<version>.tgz. ' +
      'With --all, packs every bundle below plugins/ of the folder, and only those that changed.',
    arguments: [{ usage: '[folders...]', summary: 'folders of bundles (default: the working folder)', completes: 'folder' }],
    options: [
      { flags: '-o, --out <folder>', summary: 'folder of the artifacts (default: build/bundles)' },
      { flags: '--as-version <version>', summary: 'write this version instead of the one in package.json' },
      { flags: '--all', summary: 'every bundle below plugins/ of the folder' },
      { flags: '--force', summary: 'with --all: also what has not changed' },
    ],
    examples: ['sluice pack plugins/core/ledger', 'sluice pack --all'],
    load: () => require('../commands/pack.js') as typeof import('../commands/pack.js'),
  },
  {
    name: 'test',
    group: 'Developing',
    endsOnSignal: true,
    summary: 'Check the types of a bundle and run its tests',
    description:
      'Runs every test/**/*.test.ts of the folder with mocha. The test kit @sluice/kernel/testing boots the real engine in them.',
    arguments: [FOLDER],
    options: [
      { flags: '-g, --grep <text>', summary: 'only tests with this in their title' },
      { flags: '--no-types', summary: 'do not check the types first' },
    ],
    load: () => require('../commands/test.js') as typeof import('../commands/test.js'),
  },
  {
    name: 'completion',
    group: 'Developing',
    summary: 'Print the completion script of a shell',
    arguments: [{ usage: '<shell>', summary: 'bash, zsh or fish', completes: ['bash', 'zsh', 'fish'] }],
    examples: ['source <(sluice completion bash)', 'sluice completion fish | source'],
    load: () => ({ run: completion().script }),
  },
  {
    name: 'complete',
    group: 'Developing',
    hidden: true,
    summary: 'Answer the completion script',
    arguments: [{ usage: '[words...]', summary: 'the words typed so far' }],
    load: () => ({ run: completion().complete }),
  },
];
