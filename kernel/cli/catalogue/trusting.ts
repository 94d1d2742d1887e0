/** Commands about trust: keys, signatures, uploads, tokens, the audit log. */
import type { CommandSpec } from '../command.js';

const keys = (): typeof import('../commands/keys.js') => require('../commands/keys.js') as typeof import('../commands/keys.js');
const tokens = (): typeof import('../commands/tokens.js') => require('../commands/tokens.js') as typeof import('../commands/tokens.js');
const audit = (): typeof import('../commands/audit.js') => require('../commands/audit.js') as typeof import('../commands/audit.js');
const uploads = (): typeof import('../commands/uploads.js') => require('../commands/uploads.js') as typeof import('../commands/uploads.js');

const PASSPHRASE = { flags: '--passphrase-file <file>', summary: 'passphrase of the private key (default: $SLUICE_KEY_PASSPHRASE)' };
const SIGNERS = ['build', 'release'];

/** The commands of the group Trusting. */
export const TRUSTING_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'keys',
    group: 'Trusting',
    summary: 'List the keys that may sign bundles',
    load: () => ({ run: keys().list }),
  },
  {
    name: 'keys create',
    group: 'Trusting',
    summary: 'Make a pair of Ed25519 keys',
    description:
      'Writes <name>.key.pem, readable by you alone, and <name>.pub.pem. Make one where bundles are built, and one for whoever approves ' +
      'releases: one key cannot do both.',
    arguments: [{ usage: '<name>', summary: 'what to call it, and its files' }],
    options: [{ flags: '--out <folder>', summary: 'where to write the files (default: here)' }, PASSPHRASE],
    examples: ['sluice keys create ci', 'sluice keys create kim --passphrase-file ~/.kim-passphrase'],
    load: () => ({ run: keys().create }),
  },
  {
    name: 'keys trust',
    group: 'Trusting',
    summary: 'Let a public key sign bundles of some names in one role',
    description: 'Works on a running kernel, and without one on the data folder: before a first start that requires signatures.',
    arguments: [{ usage: '<file>', summary: 'public key, <name>.pub.pem', completes: 'file' }],
    options: [
      { flags: '--role <role>', summary: 'build: made by us; release: looked at and approved', choices: SIGNERS },
      { flags: '--prefix <patterns>', summary: "names it may sign, separated by commas: 'business.*', 'core.ledger', '*'" },
      { flags: '--name <name>', summary: 'what to call it (default: the name of the file)' },
    ],
    examples: ["sluice keys trust ci.pub.pem --role build --prefix 'business.*,channel.*'"],
    load: () => ({ run: keys().trust }),
  },
  {
    name: 'keys revoke',
    group: 'Trusting',
    summary: 'Take trust from a key, for ever and for all it signed',
    description: 'What runs goes on, with an alarm; it does not start again under the policy `require`.',
    arguments: [{ usage: '<id>', summary: 'id or name as `sluice keys` shows it' }],
    options: [{ flags: '--reason <text>', summary: 'why; kept with the key' }],
    load: () => ({ run: keys().revoke }),
  },
  {
    name: 'sign',
    group: 'Trusting',
    summary: 'Sign artifacts: writes a .sig file beside each, or adds to it',
    description: 'The signature covers the SHA-256 of the whole file, name, version and role. `sluice deploy` sends the .sig files along.',
    arguments: [{ usage: '<artifacts...>', summary: '.tgz files', completes: 'file' }],
    options: [
      { flags: '--key <file>', summary: 'private key, <name>.key.pem' },
      { flags: '--role <role>', summary: 'build or release (default: build)', choices: SIGNERS },
      PASSPHRASE,
    ],
    examples: [
      'sluice sign build/bundles/*.tgz --key ci.key.pem',
      'sluice sign business.transfer-1.1.0.tgz --key kim.key.pem --role release',
    ],
    load: () => ({ run: (require('../commands/sign.js') as typeof import('../commands/sign.js')).sign }),
  },
  {
    name: 'upload',
    group: 'Trusting',
    summary: 'Store artifacts with their signatures; nothing of them runs',
    description: 'Somebody with the right to activate deploys them by digest. They wait for seven days.',
    arguments: [
      { usage: '<artifacts...>', summary: '.tgz files, folders of them, or folders of bundles (packed first)', completes: 'file' },
    ],
    load: () => ({ run: uploads().upload }),
  },
  {
    name: 'artifacts',
    group: 'Trusting',
    summary: 'List uploaded artifacts and what their approval lacks',
    load: () => ({ run: uploads().list }),
  },
  {
    name: 'approve',
    group: 'Trusting',
    summary: 'Send signature files of uploaded artifacts',
    arguments: [{ usage: '<files...>', summary: '.sig files', completes: 'file' }],
    load: () => ({ run: uploads().approve }),
  },
  {
    name: 'tokens',
    group: 'Trusting',
    summary: 'List the tokens of the admin interface',
    load: () => ({ run: tokens().list }),
  },
  {
    name: 'tokens create',
    group: 'Trusting',
    summary: 'Make a token; it is printed this once',
    description:
      'Roles: viewer looks, developer also uploads, operator activates, starts, stops and configures, approver adds release signatures and may ' +
      'allow a downgrade, auditor reads the audit log, admin does everything.',
    arguments: [{ usage: '<name>', summary: 'name in records, e.g. ci' }],
    options: [
      { flags: '--role <roles>', summary: 'viewer, developer, operator, approver, auditor, admin; several separated by commas' },
      { flags: '--bundles <patterns>', summary: "bundles it is for, separated by commas: 'business.*' (default: '*')" },
      { flags: '--expires <time>', summary: 'how long it lives: 12h, 30d, at most 366d (default: 90d)' },
    ],
    examples: ["sluice tokens create ci --role developer --bundles 'business.*' --expires 30d"],
    load: () => ({ run: tokens().create }),
  },
  {
    name: 'tokens revoke',
    group: 'Trusting',
    summary: 'Make a token worthless at once',
    arguments: [{ usage: '<token>', summary: 'id or name as `sluice tokens` shows it' }],
    load: () => ({ run: tokens().revoke }),
  },
  {
    name: 'audit',
    group: 'Trusting',
    summary: 'Show who did what, and what was refused',
    options: [{ flags: '-n, --lines <number>', summary: 'at most this many records (default: 50)' }],
    load: () => ({ run: audit().list }),
  },
  {
    name: 'audit verify',
    group: 'Trusting',
    summary: 'Examine the chain of the audit log; names the first bad record',
    description: 'Exits with 3 when a record was changed, moved or taken away. Works with and without a running kernel.',
    options: [
      { flags: '--head <sequence:hash>', summary: 'a head that was kept elsewhere (the log has one a minute): the chain must contain it' },
    ],
    load: () => ({ run: audit().verify }),
  },
];
