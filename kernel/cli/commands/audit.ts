/** `sluice audit` and `sluice audit verify`. */
import { SluiceError } from '../../admin/errors.js';
import type { AuditRecord } from '../../admin/contract.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import type { CommandContext, CommandInput } from '../command.js';
import { formatTime, parseWhole, shortDigest } from '../format.js';
import { renderTable, type Column } from '../table.js';
import { optionalText } from '../trust-options.js';
import { withOrWithoutKernel } from '../without-kernel.js';

const RECORDS_DEFAULT = 50;

const COLUMNS: readonly Column<AuditRecord>[] = [
  { title: '#', value: (record) => record.sequence, align: 'right' },
  { title: 'TIME', value: (record) => formatTime(record.at) },
  { title: 'ACTOR', value: (record) => record.actor, style: () => 'strong' },
  { title: 'ROLE', value: (record) => record.role },
  { title: 'ACTION', value: (record) => record.action },
  { title: 'TARGET', value: (record) => record.target || (record.digests ?? []).map(shortDigest).join(' '), flexible: true },
  {
    title: 'OUTCOME',
    value: (record) => [record.phase === 'begin' ? 'begins' : record.outcome, record.code].filter(Boolean).join(' '),
    style: (record) => (record.phase === 'refused' || record.code !== undefined ? 'bad' : 'good'),
    flexible: true,
  },
];

/** Runs `sluice audit`. */
export async function list(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const lines = optionalText(input, 'lines');
  const limit = lines === undefined ? RECORDS_DEFAULT : parseWhole('lines', lines);
  const records = await withOrWithoutKernel(
    context,
    (client) => client.audit(limit),
    (host) => host.readAudit(context.dataFolder, limit),
  );
  if (context.json) context.terminal.out(JSON.stringify(records));
  else for (const line of renderTable(context.terminal, COLUMNS, records, 'Nothing is recorded yet')) context.terminal.out(line);
  return EXIT.ok;
}

/** Runs `sluice audit verify`. */
export async function verify(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const head = optionalText(input, 'head');
  const witness = head === undefined ? [] : [witnessOf(head)];
  const verdict = await withOrWithoutKernel(
    context,
    (client) => client.verifyAudit(head),
    (host) => host.verifyAudit(context.dataFolder, witness),
  );
  const { terminal } = context;
  if (context.json) terminal.out(JSON.stringify(verdict));
  else if (verdict.intact) {
    terminal.out(`${terminal.paint('good', 'Intact')}: ${verdict.records} records, head ${verdict.head.sequence}:${verdict.head.hash}`);
  } else {
    terminal.note(
      `${terminal.paint('bad', 'Error')} Record ${verdict.sequence} of the audit log is bad: ${verdict.reason} (${verdict.where})`,
    );
    terminal.note(`  ${terminal.paint('strong', 'Try')}  Keep the folder as it is, and find out who could write to it`);
  }
  return verdict.intact ? EXIT.ok : EXIT.refused;
}

function witnessOf(text: string): { readonly sequence: number; readonly hash: string } {
  const match = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text);
  if (match !== null) return { sequence: Number(match[1]), hash: match[2] as string };
  throw new SluiceError('USAGE_OPTION', `Cannot read --head '${text}': expected sequence:hash`, {
    httpStatus: 400,
    remedy: 'The log lines "Audit log is at record" and `sluice audit verify` tell heads in this form',
  });
}
