/**
 * Sections of docs/benchmarks.md. Each bench owns what stands between its two marks; everything else in the file is written by hand and
 * stays as it is.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { cellsOf, isBehind, isMissed, type Row, type Table } from './figures.js';

const load = createRequire(__filename);

/** The section of a bench, as Markdown. */
export function sectionOf(name: string, heading: string, peers: readonly string[], tables: readonly Table[]): string {
  const [cpu] = cpus();
  const facts = [
    `\`npm run bench -- ${name} --write\``,
    new Date().toISOString().slice(0, 10),
    `Node ${process.version}`,
    `${cpus().length} x ${cpu?.model.trim() ?? 'unknown processor'}`,
  ];
  const beside = peers.length === 0 ? '' : ` Beside: ${peers.map((peer) => `${peer} ${versionOf(peer)}`).join(', ')}.`;
  return `## ${heading}\n\n${facts.join(', ')}.${beside}\n\n${tables.map(tableText).join('\n')}`;
}

/** Read as a file: not every package lets its package.json be required. */
function versionOf(packageName: string): string {
  const files = (load.resolve.paths(packageName) ?? []).map((folder) => join(folder, packageName, 'package.json'));
  const file = files.find((one) => existsSync(one));
  if (file === undefined) return '(not installed)';
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function tableText({ title, rows, notes }: Table): string {
  const head = ['', 'figure', 'spread', 'beside', 'ratio', 'bar', ''];
  const lines = [head, head.map(() => '---'), ...rows.map((row) => [...cellsOf(row), verdictOf(row)])];
  const table = lines.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n');
  return `**${title}**\n\n${table}\n${notes.map((note) => `\n${note}\n`).join('')}`;
}

function verdictOf(row: Row): string {
  const verdicts: string[] = [];
  if (row.bar !== undefined) verdicts.push(isMissed(row) ? '**bar missed**' : 'bar met');
  if (row.peer !== undefined && isBehind(row)) verdicts.push(`behind ${row.peer.name}`);
  return verdicts.join(', ');
}

/** A report with new sections in place of the old ones, in the order of the benches; what has no place yet goes to the end. */
export function withSections(report: string, sections: ReadonlyMap<string, string>, order: readonly string[]): string {
  let text = report === '' ? '# Benchmarks\n' : report;
  for (const name of order) {
    const section = sections.get(name);
    if (section === undefined) continue;
    const [begin, end] = [`<!-- bench ${name} -->`, `<!-- end of bench ${name} -->`];
    const block = `${begin}\n\n${section}\n${end}`;
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    text = from >= 0 && to > from ? text.slice(0, from) + block + text.slice(to + end.length) : `${text.trimEnd()}\n\n${block}\n`;
  }
  return text;
}
