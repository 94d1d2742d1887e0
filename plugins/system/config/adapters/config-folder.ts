/**
 * The files of the configuration: `<folder>/<bundle>.json` by the operator, `runtime/`, `history/` and `accepted/` by this bundle.
 * Always holds: a replaced file is either the old or the new one, also after a power cut; only the operator's files are read by
 * people, all others are readable by the process's user alone, for they may hold secrets.
 */
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '@sluice/sdk';
import { isConfigurationName } from '../domain/config-errors.js';
import type { ConfigFiles, FileKind } from '../domain/config-store.js';

/** Largest file read. Configuration is small; anything larger is a mistake. */
const FILE_BYTES_MAX = 1_048_576;
/** Size at which the older half of a history is dropped. */
const HISTORY_BYTES_MAX = 1_048_576;
const OWNER_ONLY = 0o600;

/** Configuration files in a folder. */
export class ConfigFolder implements ConfigFiles {
  readonly #folder: string;
  readonly #historyBytesMax: number;

  private constructor(folder: string, historyBytesMax: number) {
    this.#folder = folder;
    this.#historyBytesMax = historyBytesMax;
  }

  /** Opens a folder, making what is missing. */
  static async open(folder: string, historyBytesMax = HISTORY_BYTES_MAX): Promise<ConfigFolder> {
    await mkdir(folder, { recursive: true });
    for (const name of ['runtime', 'history', 'accepted']) await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
    return new ConfigFolder(folder, historyBytesMax);
  }

  /** The folders that change by hand or by us, for the watcher. */
  get watched(): readonly string[] {
    return [this.#folder, join(this.#folder, 'runtime')];
  }

  path(kind: FileKind, bundle: string): string {
    return kind === 'operator' ? join(this.#folder, `${bundle}.json`) : join(this.#folder, kind, `${bundle}.json`);
  }

  async names(kind: FileKind): Promise<readonly string[]> {
    const entries = await readdir(kind === 'operator' ? this.#folder : join(this.#folder, kind));
    return entries
      .filter((entry) => entry.endsWith('.json'))
      .map((entry) => entry.slice(0, -'.json'.length))
      .filter(isConfigurationName);
  }

  async read(kind: FileKind, bundle: string): Promise<string | null> {
    const path = this.path(kind, bundle);
    const bytes = await orNull(readFile(path));
    if (bytes === null) return null;
    if (bytes.length > FILE_BYTES_MAX) {
      throw new SluiceError(
        'CONFIG_FILE_TOO_LARGE',
        `Cannot read '${path}': it has ${bytes.length} bytes, at most ${FILE_BYTES_MAX} are read`,
        {
          details: { path, bytes: bytes.length, bytesMax: FILE_BYTES_MAX },
          remedy: 'Keep data in files of its own and only their paths in the configuration.',
        },
      );
    }
    return bytes.toString('utf8');
  }

  write(kind: FileKind, bundle: string, text: string): Promise<void> {
    return replaceFile(this.path(kind, bundle), text);
  }

  async history(bundle: string): Promise<string> {
    return (await orNull(readFile(this.#historyPath(bundle), 'utf8'))) ?? '';
  }

  async appendHistory(bundle: string, lines: string): Promise<void> {
    const path = this.#historyPath(bundle);
    const handle = await open(path, 'a+', OWNER_ONLY);
    let size: number;
    try {
      size = (await handle.stat()).size;
      await handle.write((await endsMidLine(handle, size)) ? `\n${lines}` : lines);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    if (size + lines.length > this.#historyBytesMax) await this.#dropOlderHalf(path);
  }

  async #dropOlderHalf(path: string): Promise<void> {
    const text = await readFile(path, 'utf8');
    const cut = text.indexOf('\n', Math.floor(text.length / 2));
    await replaceFile(path, text.slice(cut + 1));
  }

  #historyPath(bundle: string): string {
    return join(this.#folder, 'history', `${bundle}.ndjson`);
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  // One name is enough: the store writes the files of a bundle one after the other.
  const temporary = `${path}.tmp`;
  const handle = await open(temporary, 'w', OWNER_ONLY);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
  await syncFolder(join(path, '..'));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function endsMidLine(handle: Awaited<ReturnType<typeof open>>, size: number): Promise<boolean> {
  if (size === 0) return false;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] !== 0x0a;
}

async function orNull<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
