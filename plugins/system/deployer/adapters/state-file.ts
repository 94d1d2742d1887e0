/**
 * A small state file. Always holds: it is either the old or the new content, also after a power cut.
 */
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { StatePort } from '../domain/answers.js';

/** State in one file of a folder that exists. */
export class StateFile implements StatePort {
  readonly #path: string;

  constructor(folder: string, name: string) {
    this.#path = join(folder, name);
  }

  async read(): Promise<string | null> {
    try {
      return await readFile(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  async write(text: string): Promise<void> {
    const temporary = `${this.#path}.tmp`;
    const handle = await open(temporary, 'w', 0o640);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, this.#path);
  }
}
