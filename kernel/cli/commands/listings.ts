/** Commands that show lists: bundles, services, routes, history. `--json` prints what the kernel answered. */
import type { BundleSummary, HistoryEntry, RouteSummary, ServiceSummary } from '../../admin/contract.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import type { CommandContext, CommandInput } from '../command.js';
import { formatTime, formatVersions, parseWhole, shortDigest } from '../format.js';
import { renderTable, type Column } from '../table.js';
import type { Style } from '../terminal.js';

const BUNDLE_COLUMNS: readonly Column<BundleSummary>[] = [
  { title: 'ID', value: (row) => row.id, align: 'right' },
  { title: 'BUNDLE', value: (row) => row.symbolicName, style: () => 'strong' },
  { title: 'VERSION', value: (row) => row.version },
  { title: 'STATE', value: stateOf, style: (row) => stateStyle(row) },
  { title: 'TIER', value: (row) => row.tier },
  { title: 'LEVEL', value: (row) => row.startLevel, align: 'right' },
  { title: 'REV', value: (row) => row.revision, align: 'right' },
  { title: 'DIGEST', value: (row) => shortDigest(row.digest), style: () => 'faint' },
  { title: 'NOTE', value: noteOf, flexible: true, style: (row) => (row.error === undefined ? 'faint' : 'bad') },
];

function stateOf(row: BundleSummary): string {
  return row.onTrial ? `${row.state} (trial)` : row.state;
}

function stateStyle(row: BundleSummary): Style | undefined {
  if (row.error !== undefined) return 'bad';
  if (row.onTrial) return 'warning';
  return row.state === 'ACTIVE' ? 'good' : 'warning';
}

function noteOf(row: BundleSummary): string {
  if (row.error !== undefined) return row.error.message;
  return row.lingering > 0 ? `${row.lingering} old ${row.lingering === 1 ? 'revision' : 'revisions'} not yet released` : '';
}

/** `sluice ls`. */
export async function ls(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const [part] = input.arguments;
  const bundles = (await context.client().bundles()).filter((bundle) => part === undefined || bundle.symbolicName.includes(part));
  return print(context, BUNDLE_COLUMNS, bundles, 'No bundle is installed');
}

const SERVICE_COLUMNS: readonly Column<ServiceSummary>[] = [
  { title: 'ID', value: (row) => row.id, align: 'right' },
  { title: 'CONTRACT', value: (row) => row.contract, style: () => 'strong' },
  { title: 'VERSION', value: (row) => row.version },
  { title: 'BUNDLE', value: (row) => `${row.bundle} ${row.bundleVersion}` },
  { title: 'RANK', value: (row) => row.ranking, align: 'right' },
  { title: 'SCOPE', value: (row) => row.scope },
  { title: 'USERS', value: (row) => row.users.join(', '), flexible: true },
];

/** `sluice services`. A filter begins with a bracket; everything else is part of a contract's name. */
export async function services(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const asked = input.arguments[0] ?? '';
  const isFilter = asked.trimStart().startsWith('(');
  const found = await context.client().services(isFilter ? asked : undefined);
  const part = isFilter ? '' : asked.toLowerCase();
  return print(
    context,
    SERVICE_COLUMNS,
    found.filter(({ contract }) => contract.toLowerCase().includes(part)),
    'No service matches',
  );
}

const ROUTE_COLUMNS: readonly Column<RouteSummary>[] = [
  { title: 'METHOD', value: (row) => row.method },
  { title: 'PATH', value: (row) => row.path, style: () => 'strong', flexible: true },
  { title: 'BUNDLE', value: (row) => row.bundle },
  { title: 'VERSION', value: (row) => row.version },
  { title: 'OPERATION', value: (row) => row.operationId ?? '', flexible: true },
];

/** `sluice routes`. */
export async function routes(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const [part] = input.arguments;
  const all = await context.client().routes();
  const shown = all.filter((route) => part === undefined || route.path.includes(part) || route.bundle.includes(part));
  return print(context, ROUTE_COLUMNS, shown, 'No route is served');
}

/** Bundles named in one line of the history; a first start has dozens. */
const HISTORY_BUNDLES_MAX = 3;

function bundlesOf(row: HistoryEntry): string {
  const named = row.bundles.slice(0, HISTORY_BUNDLES_MAX).map((one) => `${one.symbolicName} ${formatVersions(one.from, one.to)}`);
  const more = row.bundles.length - named.length;
  const bundles = more > 0 ? `${named.join(', ')} and ${more} more` : named.join(', ');
  return row.release === undefined ? bundles : `release ${row.release.name}@${row.release.version}: ${bundles}`;
}

const HISTORY_COLUMNS: readonly Column<HistoryEntry>[] = [
  { title: 'TIME', value: (row) => formatTime(row.at) },
  { title: 'KIND', value: (row) => row.kind },
  { title: 'OUTCOME', value: (row) => row.outcome, style: (row) => (row.outcome === 'committed' ? 'good' : 'bad') },
  { title: 'GEN', value: (row) => row.generation ?? '', align: 'right' },
  { title: 'ACTOR', value: (row) => row.actor },
  {
    title: 'BUNDLES',
    value: (row) => bundlesOf(row),
    flexible: true,
  },
  { title: 'CHANGE', value: (row) => row.deployId, style: () => 'faint' },
  { title: 'WHY', value: (row) => row.error?.message ?? '', flexible: true },
];

/** `sluice history`. */
export async function history(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const limit = input.options['limit'];
  const entries = await context.client().history(typeof limit === 'string' ? parseWhole('limit', limit) : undefined);
  return print(context, HISTORY_COLUMNS, entries, 'Nothing was changed yet');
}

function print<T>(context: CommandContext, columns: readonly Column<T>[], rows: readonly T[], whenEmpty: string): ExitCode {
  if (context.json) context.terminal.out(JSON.stringify(rows));
  else for (const line of renderTable(context.terminal, columns, rows, whenEmpty)) context.terminal.out(line);
  return EXIT.ok;
}
