/** 1,000 random changes of an audit chain: each is found, and the first record that is wrong is named. A failing seed is printed by fast-check. */
import { deepStrictEqual as equal, ok, strictEqual } from 'node:assert';
import fc from 'fast-check';
import {
  ChainCheck,
  decodeLine,
  EMPTY_HEAD,
  encodeEntry,
  type AuditEntry,
  type ChainHead,
  type ChainVerdict,
} from '@sluice/kernel/trust/audit-chain';

const RECORDS = 40;

function chain(count: number): { lines: string[]; head: ChainHead } {
  let head = EMPTY_HEAD;
  const lines: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const entry: AuditEntry = {
      at: 1_000 + index,
      actor: `token:${index % 3}`,
      role: 'operator',
      action: index % 2 === 0 ? 'deploy' : 'stop',
      target: `bundle.${index}`,
      phase: index % 2 === 0 ? 'begin' : 'end',
      ...(index % 2 === 0 ? { digests: ['ab'.repeat(32)] } : { of: index, outcome: 'done' }),
    };
    const next = encodeEntry(entry, head);
    head = next.head;
    lines.push(next.line);
  }
  return { lines, head };
}

function examine(lines: readonly string[], head: ChainHead | null, witnesses: readonly ChainHead[] = []): ChainVerdict {
  const check = new ChainCheck(witnesses);
  for (const [index, line] of lines.entries()) check.add(line, `line ${index + 1}`);
  return check.finish(head, 'end');
}

const { lines: LINES, head: HEAD } = chain(RECORDS);

/** A changed chain, with the number of the first record that is wrong. */
interface Tampering {
  readonly lines: readonly string[];
  readonly first: number;
}

const position = fc.integer({ min: 0, max: RECORDS - 1 });
const flip = fc.tuple(position, fc.nat(), fc.integer({ min: 1, max: 127 })).map(([at, place, mask]): Tampering => {
  const bytes = Buffer.from(LINES[at] as string);
  const where = place % bytes.length;
  bytes[where] = (bytes[where] as number) ^ mask;
  return { lines: LINES.with(at, bytes.toString()), first: at + 1 };
});
const deletion = position.map((at): Tampering => ({ lines: LINES.toSpliced(at, 1), first: at + 1 }));
const swap = fc
  .tuple(position, position)
  .filter(([a, b]) => a !== b)
  .map(([a, b]): Tampering => ({ lines: LINES.with(a, LINES[b] as string).with(b, LINES[a] as string), first: Math.min(a, b) + 1 }));
/** A copy of the very next record stands where that one belongs; then the original is the one too many. */
const repetition = fc.tuple(position, position).map(([from, to]): Tampering => ({
  lines: LINES.toSpliced(to + 1, 0, LINES[from] as string),
  first: from === to + 1 ? to + 3 : to + 2,
}));
const truncation = fc.integer({ min: 0, max: RECORDS - 1 }).map((kept): Tampering => ({ lines: LINES.slice(0, kept), first: kept + 1 }));
/** A forger who also makes the record's own hash fit: its follower, or the head, still names the old one. */
const forgery = position.map((at): Tampering => {
  const before = at === 0 ? EMPTY_HEAD : (decodeLine(LINES[at - 1] as string) as ChainHead);
  const { at: time, role, action, target, phase } = decodeLine(LINES[at] as string) as AuditEntry;
  return {
    lines: LINES.with(at, encodeEntry({ at: time, actor: 'somebody else', role, action, target, phase }, before).line),
    first: at + 1,
  };
});

describe('the audit chain', () => {
  it('is intact as it was written, alone and with heads that were kept elsewhere', () => {
    equal(examine(LINES, HEAD), { intact: true, records: RECORDS, head: HEAD });
    equal(examine([], EMPTY_HEAD), { intact: true, records: 0, head: EMPTY_HEAD });
    const witness = decodeLine(LINES[9] as string) as ChainHead;
    strictEqual(examine(LINES, HEAD, [witness]).intact, true);
  });

  it('names the first bad record after any one of 1,000 random edits, deletions, moves, repetitions, forgeries and truncations', () => {
    let tried = 0;
    fc.assert(
      fc.property(fc.oneof(flip, deletion, swap, repetition, truncation, forgery), (tampering) => {
        tried += 1;
        const verdict = examine(tampering.lines, HEAD);
        ok(!verdict.intact, 'taken for intact');
        strictEqual(verdict.sequence, tampering.first);
      }),
      { numRuns: 1_000 },
    );
    strictEqual(tried, 1_000);
  });

  it('that was made anew as a whole is told from the true one by a head that was kept elsewhere', () => {
    const other = chain(RECORDS - 1);
    strictEqual(examine(other.lines, other.head).intact, true);
    equal(examine(other.lines, other.head, [HEAD]), {
      intact: false,
      sequence: RECORDS,
      reason: `it is missing: the log ends before record ${RECORDS}`,
      where: 'end',
    });
    const forged = LINES.map((line) => line);
    const verdict = examine(forged, HEAD, [{ sequence: 7, hash: 'f'.repeat(64) }]);
    ok(!verdict.intact && verdict.sequence === 7);
  });

  it('without a readable head counts as cut', () => {
    const verdict = examine(LINES, null);
    ok(!verdict.intact && verdict.sequence === RECORDS);
  });
});
