/**
 * The pointer file `<folder>/pointer`: the number of the generation that runs, written after the switch.
 * A cache and a witness, never the decision: that is the journal's commit record. A pointer ahead of the journal proves lost records.
 */
import { crc32 } from 'node:zlib';
import { type FileLayer, NodeFiles, replaceFile } from './files.js';
import type { Pointer } from './ports.js';

const NAME = 'pointer';

/** The pointer of a data folder; null when missing, empty or damaged. */
export async function readPointer(folder: string, files: FileLayer = new NodeFiles()): Promise<Pointer | null> {
  const text = (await files.read(`${folder}/${NAME}`))?.toString() ?? '';
  const match = /^(\d{1,15}) ([0-9a-f]{8})\n$/.exec(text);
  if (match === null || match[2] !== checksum(String(match[1]))) return null;
  return { generation: Number(match[1]) };
}

/** Replaces the pointer atomically and durably. */
export function writePointer(folder: string, pointer: Pointer, files: FileLayer = new NodeFiles()): Promise<void> {
  const number = String(pointer.generation);
  return replaceFile(files, folder, NAME, Buffer.from(`${number} ${checksum(number)}\n`));
}

/**
 * The pointer of a running kernel. Writes one number at a time, always the newest: two writes side by side would share their temporary file.
 * A failed write loses nothing, as the journal decides; the next change writes it again.
 */
export class PointerFile {
  #newest: number | null = null;
  #writing: Promise<void> | null = null;

  constructor(
    private readonly folder: string,
    private readonly files: FileLayer = new NodeFiles(),
  ) {}

  /** What an earlier process noted. A pointer that cannot be read is no reason not to start: it is only a witness. */
  read(): Promise<Pointer | null> {
    return readPointer(this.folder, this.files).catch(() => null);
  }

  /** Notes that a generation runs. */
  note(generation: number): void {
    this.#newest = generation;
    this.#writing ??= this.#write();
  }

  /** Waits until what was noted is written, or could not be. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#newest !== null) {
      const generation = this.#newest;
      this.#newest = null;
      await writePointer(this.folder, { generation }, this.files).catch(() => undefined);
    }
    this.#writing = null;
  }
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
