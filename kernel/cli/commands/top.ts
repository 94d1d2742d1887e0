/** `sluice top`: what each bundle does and holds, again and again. On a terminal in place with keys to sort; elsewhere a table each time. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SystemFigures } from '../../admin/contract.js';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import type { CommandContext, CommandInput } from '../command.js';
import { formatBytes, formatDuration, formatTime, parseDuration } from '../format.js';
import { renderTable, type Column } from '../table.js';
import { cutToWidth } from '../width.js';
import { SORT_KEYS, topRows, topSummary, type SortKey, type TopRow, type TopSummary } from '../traffic.js';

const INTERVAL_MS_DEFAULT = 2_000;
/** With --once: between the two readings that rates are made of. */
const ONCE_INTERVAL_MS = 1_000;
const INTERVAL_MS_MIN = 100;

const KEYS: Readonly<Record<string, SortKey>> = {
  n: 'name',
  r: 'requests',
  i: 'inflight',
  p: 'p99',
  f: 'failures',
  s: 'services',
  t: 'timers',
  l: 'lingering',
  h: 'heap',
};

const COLUMNS: readonly Column<TopRow>[] = [
  {
    title: 'BUNDLE',
    value: (row) => row.bundle,
    style: (row) => (row.state === 'ACTIVE' ? 'strong' : row.state === 'RESOLVED' ? 'faint' : 'warning'),
    flexible: true,
  },
  { title: 'VERSION', value: (row) => row.version },
  { title: 'REQ/S', value: (row) => rate(row.requestsPerSecond), align: 'right' },
  { title: 'OTHER/S', value: (row) => rate(row.othersPerSecond), align: 'right' },
  { title: 'NOW', value: (row) => row.inFlight || '', align: 'right' },
  { title: 'P50', value: (row) => duration(row.p50Ms), align: 'right' },
  { title: 'P99', value: (row) => duration(row.p99Ms), align: 'right' },
  {
    title: 'FAIL/S',
    value: (row) => rate(row.failuresPerSecond),
    align: 'right',
    style: (row) => ((row.failuresPerSecond ?? 0) > 0 ? 'bad' : undefined),
  },
  { title: 'FAILED', value: (row) => row.failures || '', align: 'right' },
  { title: 'SERV', value: (row) => row.services || '', align: 'right' },
  { title: 'TIMERS', value: (row) => row.timers || '', align: 'right' },
  { title: 'LISTEN', value: (row) => row.listeners || '', align: 'right' },
  { title: 'OLD', value: (row) => row.lingering || '', align: 'right', style: (row) => (row.lingering > 0 ? 'warning' : undefined) },
  { title: 'HEAP', value: (row) => (row.heapBytes === null ? '' : formatBytes(row.heapBytes)), align: 'right' },
];

/** Runs the command. */
export async function run(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const { interval, sort, once, heap } = input.options;
  const fallback = once === true ? ONCE_INTERVAL_MS : INTERVAL_MS_DEFAULT;
  const intervalMs = typeof interval === 'string' ? Math.max(INTERVAL_MS_MIN, parseDuration('interval', interval)) : fallback;
  const view: View = { sort: SORT_KEYS.find((key) => key === sort) ?? 'requests', before: null, after: await read(context, heap === true) };
  if (once === true) {
    await pause(intervalMs, context.signal);
    await readNext(context, view);
    for (const line of linesOf(context, view)) context.terminal.out(line);
    return EXIT.ok;
  }
  const { stdin, stdout } = process;
  if (!context.json && stdout.isTTY && stdin.isTTY) await showInPlace(context, view, intervalMs);
  else await showOnAndOn(context, view, intervalMs);
  return EXIT.ok;
}

interface View {
  sort: SortKey;
  before: SystemFigures | null;
  after: SystemFigures;
}

function read(context: CommandContext, heap = false): Promise<SystemFigures> {
  return context.client().figures({ heap });
}

async function readNext(context: CommandContext, view: View): Promise<void> {
  const next = await read(context);
  view.before = view.after;
  view.after = next;
}

async function showOnAndOn(context: CommandContext, view: View, intervalMs: number): Promise<void> {
  for (let first = true; !context.signal.aborted; first = false) {
    if (!first && !context.json) context.terminal.out('');
    for (const line of linesOf(context, view)) context.terminal.out(line);
    await pause(intervalMs, context.signal);
    if (!context.signal.aborted) await readNext(context, view);
  }
}

/** Draws over the screen and reads single keys; leaves the terminal as it found it, whatever happens. */
async function showInPlace(context: CommandContext, view: View, intervalMs: number): Promise<void> {
  const { stdin, stdout } = process;
  const ending = new AbortController();
  const signal = AbortSignal.any([context.signal, ending.signal]);
  const draw = (): void => {
    const lines = linesOf(context, view).map((line, at) => (at === 0 ? cutToWidth(line, stdout.columns) : line));
    // Below the table: one empty line and the keys.
    const room = Math.max(3, stdout.rows - 3);
    const more = lines.length > room ? `${lines.length - room} lines more; ` : '';
    const shown = [
      ...lines.slice(0, room),
      '',
      context.terminal.paint('faint', cutToWidth(`${more}by ${view.sort}; ${keysText()}, q quits`, stdout.columns)),
    ];
    // Each line is cleared to its end, then all below: no flicker of an empty screen in between.
    stdout.write(`\u001b[H${shown.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`);
  };
  const pressed = (key: Buffer): void => {
    const text = key.toString();
    if (text === 'q' || text === '\u0003' || text === '\u0004') return ending.abort();
    view.sort = KEYS[text] ?? view.sort;
    draw();
  };
  stdin.setRawMode(true);
  stdin.on('data', pressed).resume();
  stdout.on('resize', draw);
  stdout.write('\u001b[?1049h\u001b[?25l');
  try {
    while (!signal.aborted) {
      draw();
      await pause(intervalMs, signal);
      if (!signal.aborted) await readNext(context, view);
    }
  } finally {
    stdout.write('\u001b[?25h\u001b[?1049l');
    stdout.off('resize', draw);
    stdin.off('data', pressed).pause();
    stdin.setRawMode(false);
  }
}

function linesOf(context: CommandContext, view: View): readonly string[] {
  const rows = topRows(view.before, view.after, view.sort);
  const summary = topSummary(view.before, view.after, rows);
  if (context.json) return [JSON.stringify({ ...summary, bundles: rows })];
  return [summaryLine(summary), ...renderTable(context.terminal, COLUMNS, rows, 'No bundle is installed')];
}

function summaryLine(summary: TopSummary): string {
  const share = (value: number | null): string => (value === null ? '-' : `${Math.round(value * 100)} %`);
  return [
    formatTime(summary.at),
    `up ${formatDuration(summary.uptimeMs)}`,
    `generation ${summary.generation}`,
    `${rate(summary.requestsPerSecond) || '0'} requests/s`,
    `${summary.inFlight} now`,
    `loop busy ${share(summary.loopBusy)}`,
    `cpu ${share(summary.cpu)}`,
    `heap ${formatBytes(summary.heapUsedBytes)}`,
    `resident ${formatBytes(summary.rssBytes)}`,
    ...(summary.held > 0 ? [`${summary.held} revisions held (sluice leaks)`] : []),
  ].join('  ');
}

function keysText(): string {
  return Object.entries(KEYS)
    .map(([key, name]) => `${key} ${name}`)
    .join(', ');
}

function rate(value: number | null): string {
  if (value === null) return '-';
  if (value === 0) return '';
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

function duration(value: number | null): string {
  return value === null ? '' : formatDuration(value);
}

async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  await sleep(delayMs, undefined, { signal }).catch(() => undefined);
}
