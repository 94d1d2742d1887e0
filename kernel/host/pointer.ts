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

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
