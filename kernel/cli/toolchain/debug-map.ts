/**
 * What a debugger needs of code that exists only in memory: the source map inside the code, and sources by the path of their files.
 * Packed bundles keep their map beside the code instead, without paths of the machine they were built on.
 */
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BUNDLE_FILE, type BuiltBundle } from './build.js';

const MAP_COMMENT = /\n\/\/# sourceMappingURL=\S*\s*$/;

/** The code of a built bundle with its map inside, so that breakpoints in the author's files bind. */
export function codeForDebugger({ code, map, source }: Pick<BuiltBundle, 'code' | 'map' | 'source'>): string {
  const content = JSON.parse(map) as { sources: readonly string[]; sourceRoot?: string };
  const folder = join(source.folder, BUNDLE_FILE, '..');
  const sources = content.sources.map((file) => pathToFileURL(resolve(folder, content.sourceRoot ?? '', file)).href);
  const inline = Buffer.from(JSON.stringify({ ...content, sourceRoot: '', sources })).toString('base64');
  return `${code.replace(MAP_COMMENT, '')}\n//# sourceMappingURL=data:application/json;charset=utf-8;base64,${inline}\n`;
}
