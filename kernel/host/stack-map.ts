/**
 * Turns `bundle://` frames of stacks into the lines an author wrote. Node's own --enable-source-maps does not see compiled functions.
 * Maps are parsed when a stack is first printed and go with their revision.
 */
import { SourceMap, type SourceMapPayload } from 'node:module';
import { posix } from 'node:path';

const FRAME = /bundle:\/\/([^\s()]+?):(\d+):(\d+)/g;
const INLINE_COMMENT = /\/\/# sourceMappingURL=data:application\/json[^,]*;base64,([A-Za-z0-9+/=]+)\s*$/;
/** Causes printed below one error; a longer chain is a loop or noise. */
const CAUSES_MAX = 5;

type Entries = ReadonlyMap<string, Uint8Array>;

/** The source maps of all open revisions. */
export class StackMap {
  /** By the name a file was compiled under. One slot per revision and nothing else: maps are found when they are needed. */
  private readonly entries = new Map<string, Entries>();
  private readonly parsed = new WeakMap<Entries, Map<string, SourceMap | null>>();

  /** Remembers where the map of a compiled file is. While two revisions of one version live, the newer one owns the name. */
  add(url: string, entries: Entries): void {
    this.entries.set(url, entries);
  }

  /** Forgets what the same entries were remembered for. */
  remove(url: string, entries: Entries): void {
    if (this.entries.get(url) === entries) this.entries.delete(url);
  }

  /** The stack of an error and of its causes, mapped. */
  mapStack(error: unknown): string {
    const parts: string[] = [];
    let current = error;
    for (let depth = 0; depth <= CAUSES_MAX && current !== undefined && current !== null; depth += 1) {
      parts.push(this.mapText(textOf(current)));
      current = (current as { cause?: unknown }).cause;
    }
    return parts.join('\nCaused by: ');
  }

  /** Replaces every `bundle://` position in a text. */
  mapText(text: string): string {
    return text.replaceAll(FRAME, (frame, path: string, line: string, column: string) => {
      const origin = this.origin(`bundle://${path}`, Number(line), Number(column));
      return origin ?? frame;
    });
  }

  private origin(url: string, line: number, column: number): string | undefined {
    const entries = this.entries.get(url);
    // bundle://<name>@<version>/<entry>
    const [, root, entry] = /^(bundle:\/\/[^/]+\/)(.+)$/.exec(url) ?? [];
    if (entries === undefined || root === undefined || entry === undefined) return undefined;
    const found = this.mapOf(entries, entry)?.findEntry(line - 1, column - 1);
    if (found === undefined || !('originalSource' in found)) return undefined;
    const file = posix.join(posix.dirname(entry), found.originalSource).replace(/^(\.\.\/)+/, '');
    return `${root}${file}:${found.originalLine + 1}:${found.originalColumn + 1}`;
  }

  private mapOf(entries: Entries, entry: string): SourceMap | null {
    let maps = this.parsed.get(entries);
    if (maps === undefined) this.parsed.set(entries, (maps = new Map()));
    let map = maps.get(entry);
    if (map === undefined) maps.set(entry, (map = readMap(entries, entry)));
    return map;
  }
}

function textOf(error: unknown): string {
  if (error instanceof Error && typeof error.stack === 'string') return error.stack;
  return String(error);
}

/** From the entry `<file>.map`, or from the comment at the end of the file. A damaged map is as good as none: it only dresses a stack. */
function readMap(entries: Entries, entry: string): SourceMap | null {
  try {
    const file = entries.get(`${entry}.map`);
    if (file !== undefined) return new SourceMap(JSON.parse(Buffer.from(file).toString()) as SourceMapPayload);
    const comment = INLINE_COMMENT.exec(lastLine(Buffer.from(entries.get(entry) ?? [])));
    if (comment === null) return null;
    return new SourceMap(JSON.parse(Buffer.from(String(comment[1]), 'base64').toString()) as SourceMapPayload);
  } catch {
    return null;
  }
}

function lastLine(source: Buffer): string {
  const text = source.toString();
  return text.slice(text.lastIndexOf('\n', text.trimEnd().length - 1) + 1);
}
