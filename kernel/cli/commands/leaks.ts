/** `sluice leaks`: which replaced revisions are still in memory, what holds them by kind, and the cure. */
import type { ReleaseVerdict } from '../../admin/contract.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import type { CommandContext, CommandInput } from '../command.js';
import { renderTable, type Column } from '../table.js';
import { printable, type Terminal } from '../terminal.js';

const COLUMNS: readonly Column<ReleaseVerdict>[] = [
  { title: 'BUNDLE', value: (row) => row.bundle, style: () => 'strong' },
  { title: 'VERSION', value: (row) => row.version },
  { title: 'REV', value: (row) => row.revision, align: 'right' },
  {
    title: 'COLLECTED',
    value: (row) => row.collected,
    style: (row) => (row.collected === 'yes' ? 'good' : row.collected === 'no' ? 'bad' : 'warning'),
  },
  { title: 'HELD BY', value: (row) => row.held.map(({ kind, holders }) => `${kind} (${holders.length})`).join(', '), flexible: true },
];

/** Runs the command: exit code 9 when a revision is known to be held. */
export async function run(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const { terminal, json } = context;
  const collect = input.options['gc'] === true;
  const verdicts = await context.client().leaks({ collect });
  const held = verdicts.filter(({ collected }) => collected === 'no');
  if (json) terminal.out(JSON.stringify(verdicts));
  else {
    for (const line of renderTable(terminal, COLUMNS, verdicts, 'No revision was replaced yet')) terminal.out(line);
    for (const verdict of verdicts) if (verdict.collected !== 'yes' && verdict.held.length > 0) tellHolders(terminal, verdict);
    if (held.length > 0 && !collect) terminal.note('`sluice leaks --gc` searches the heap for what holds them');
  }
  return held.length > 0 ? EXIT.notCollected : EXIT.ok;
}

function tellHolders(terminal: Terminal, { bundle, version, revision, held }: ReleaseVerdict): void {
  terminal.out(terminal.paint('strong', printable(`${bundle} ${version}, revision ${revision}`)));
  for (const { kind, remedy, holders } of held) {
    terminal.out(`  ${kind}`);
    for (const holder of holders) terminal.out(`    ${printable(holder)}`);
    terminal.out(`    ${terminal.paint('faint', 'try')} ${remedy}`);
  }
}
