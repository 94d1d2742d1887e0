/** Commands about releases, whole states and the places where bundles are published. */
import { ARTIFACT_OPTIONS, CHANGE_OPTIONS } from '../change-options.js';
import type { CommandSpec } from '../command.js';
import { PLACE_OPTIONS, REGISTRY_OPTION } from '../places.js';

const release = (): typeof import('../commands/release.js') => require('../commands/release.js') as typeof import('../commands/release.js');
const state = (): typeof import('../commands/state.js') => require('../commands/state.js') as typeof import('../commands/state.js');
const repository = (): typeof import('../commands/repository.js') =>
  require('../commands/repository.js') as typeof import('../commands/repository.js');

const EITHER = 'a release file, NAME@VERSION of a deployed one, or running';

/** The commands of the group Releasing. */
export const RELEASING_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'releases',
    group: 'Releasing',
    summary: 'List the deployed releases',
    load: () => ({ run: release().list }),
  },
  {
    name: 'release create',
    group: 'Releasing',
    summary: 'Write a release file: bundles with version, digest and source',
    description: '`sluice plan` and `sluice deploy` take the file. Edit it to add configuration, start levels, tiers or settings.',
    arguments: [
      { usage: '<name>', summary: 'name of the release' },
      { usage: '<version>', summary: 'version of the release' },
      { usage: '<artifacts...>', summary: '.tgz files, folders of them, folders of bundles, URLs, npm:package@range', completes: 'file' },
    ],
    options: [
      { flags: '--note <text>', summary: 'what it is for' },
      { flags: '--config <file>', summary: 'JSON file with run-time values by bundle and key' },
      { flags: '--complete', summary: 'deploying it uninstalls bundles that it does not name' },
      { flags: '--watch <duration>', summary: 'probation when it is deployed' },
      { flags: '--temporary <duration>', summary: 'when deployed, taken back unless confirmed within this time' },
      { flags: '--out <file>', summary: 'file to write (default: NAME-VERSION.json)' },
      REGISTRY_OPTION,
    ],
    examples: ['sluice release create bank 2026.11.1 build/bundles --note "new fees" --temporary 10m'],
    load: () => ({ run: release().create }),
  },
  {
    name: 'release show',
    group: 'Releasing',
    summary: 'Print a deployed release as a release file',
    arguments: [{ usage: '<release>', summary: 'NAME@VERSION, or the id of the change' }],
    load: () => ({ run: release().show }),
  },
  {
    name: 'release diff',
    group: 'Releasing',
    summary: 'Show what differs between two releases',
    arguments: [
      { usage: '<before>', summary: EITHER, completes: 'file' },
      { usage: '<after>', summary: EITHER, completes: 'file' },
    ],
    examples: ['sluice release diff bank@1.0.0 bank@1.1.0', 'sluice release diff running next.json'],
    load: () => ({ run: release().diff }),
  },
  {
    name: 'export',
    group: 'Releasing',
    summary: 'Write the whole desired state as one file, without secrets',
    arguments: [{ usage: '[file]', summary: 'file to write (default: standard output)', completes: 'file' }],
    options: [{ flags: '--artifacts', summary: 'put the artifacts into the file' }],
    load: () => ({ run: state().exportState }),
  },
  {
    name: 'import',
    group: 'Releasing',
    summary: 'Bring the kernel to an exported state, in one change',
    description:
      "What the state does not name is uninstalled. Artifacts come out of the file, from the places, or are the kernel's already.",
    arguments: [{ usage: '<file>', summary: 'file written by `sluice export`', completes: 'file' }],
    options: [...PLACE_OPTIONS, ...ARTIFACT_OPTIONS, ...CHANGE_OPTIONS],
    load: () => ({ run: state().importState }),
  },
  {
    name: 'repository search',
    group: 'Releasing',
    summary: 'Look for bundles by a part of their name or description',
    arguments: [{ usage: '[text]', summary: 'part of a name or description' }],
    options: PLACE_OPTIONS,
    examples: ['sluice repository search ledger --from npm: --registry http://127.0.0.1:4873'],
    load: () => ({ run: repository().search }),
  },
  {
    name: 'repository versions',
    group: 'Releasing',
    summary: 'List the versions of a bundle, newest first',
    arguments: [{ usage: '<bundle>', summary: 'name of the bundle or of its package' }],
    options: PLACE_OPTIONS,
    load: () => ({ run: repository().versions }),
  },
  {
    name: 'repository fetch',
    group: 'Releasing',
    summary: 'Fetch artifacts, checked, with the signatures that came along',
    arguments: [{ usage: '<bundles...>', summary: 'bundle@range, npm:package@range, URLs (#sha256=... is checked)' }],
    options: [{ flags: '--out <folder>', summary: 'folder to write to (default: bundles)' }, ...PLACE_OPTIONS],
    load: () => ({ run: repository().fetch }),
  },
  {
    name: 'repository signatures',
    group: 'Releasing',
    summary: 'Pack the signatures of an artifact as an npm package',
    description: 'The companion package NAME-signatures: a version of a package is immutable, and approvals come later.',
    arguments: [{ usage: '<artifact>', summary: 'a .tgz file with a .sig file beside it', completes: 'file' }],
    options: [
      { flags: '--step <number>', summary: 'number of a later approval: the package gets the version VERSION-sig.N' },
      { flags: '--out <folder>', summary: 'folder to write to (default: here)' },
    ],
    load: () => ({ run: repository().signatures }),
  },
];
