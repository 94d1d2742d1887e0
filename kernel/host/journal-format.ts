/**
 * How journal records look on disk: one JSON object per line, `{"crc":"<8 hex>","seq":<n>,"record":{...}}`, the checksum over everything
 * after its own comma. Pure. A line counts only when it is whole, its checksum is right and its number follows the one before.
 */
import { crc32 } from 'node:zlib';
import type { JournalRecord } from './ports.js';

const PREFIX_LENGTH = '{"crc":"00000000",'.length;

/** One record as the bytes of a line. */
export function encodeRecord(record: JournalRecord, sequence: number): Buffer {
  const body = Buffer.from(`"seq":${sequence},"record":${JSON.stringify(record)}}\n`);
  return Buffer.concat([Buffer.from(`{"crc":"${checksum(body)}",`), body]);
}

// The newline is outside of the checksum: what is checked is the JSON text.
function checksum(body: Uint8Array): string {
  return crc32(body.subarray(0, body.length - 1))
    .toString(16)
    .padStart(8, '0');
}

/** What a journal file holds. */
export interface DecodedJournal {
  readonly records: readonly JournalRecord[];
  /** Sequence number for the next record. */
  readonly nextSequence: number;
  /** Length of the good part in bytes. */
  readonly goodBytes: number;
  /**
   * `cut`: the last line is incomplete, as after a crash in the middle of a write; nobody was told that it is durable.
   * `damaged`: something that had been written whole is wrong.
   */
  readonly tail: 'clean' | 'cut' | 'damaged';
}

/** Reads up to the first line that is not right. */
export function decodeJournal(bytes: Uint8Array): DecodedJournal {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const records: JournalRecord[] = [];
  let goodBytes = 0;
  let expected: number | undefined;
  while (goodBytes < buffer.length) {
    const end = buffer.indexOf(0x0a, goodBytes);
    if (end < 0) return { records, nextSequence: expected ?? 1, goodBytes, tail: 'cut' };
    const line = decodeLine(buffer.subarray(goodBytes, end + 1));
    if (line === undefined || (expected !== undefined && line.sequence !== expected)) {
      return { records, nextSequence: expected ?? 1, goodBytes, tail: 'damaged' };
    }
    records.push(line.record);
    expected = line.sequence + 1;
    goodBytes = end + 1;
  }
  return { records, nextSequence: expected ?? 1, goodBytes, tail: 'clean' };
}

function decodeLine(line: Buffer): { sequence: number; record: JournalRecord } | undefined {
  const body = line.subarray(PREFIX_LENGTH);
  if (body.length === 0 || line.toString('latin1', 0, PREFIX_LENGTH) !== `{"crc":"${checksum(body)}",`) return undefined;
  const { seq, record } = JSON.parse(line.toString()) as { seq: number; record: JournalRecord };
  return { sequence: seq, record };
}
