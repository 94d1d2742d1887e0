import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { ChainCheck, GENESIS, sealOf, type SealedContent, type SealedEntry } from '../../../plugins/platform/audit/domain/chain.js';

const text = fc.string({ maxLength: 12 });
const content = fc.record<Omit<SealedContent, 'entryId'>>({
  at: fc.nat().map(String),
  actor: text,
  channel: text,
  action: text,
  subject: text,
  outcome: text,
  detail: text,
});

/** A chain of entries as the sealer writes it. */
const chain = fc.array(content, { minLength: 1, maxLength: 30 }).map((contents) => {
  let end = GENESIS;
  const entries = contents.map((part, index): SealedEntry => {
    const entry = { ...part, entryId: String(index + 1) };
    end = sealOf(end, entry);
    return { ...entry, ...end };
  });
  return { entries, head: end };
});

type Chain = typeof chain extends fc.Arbitrary<infer T> ? T : never;

function verdict(entries: readonly SealedEntry[], head: Chain['head'], anchor: Chain['head'] | null = null): string {
  const check = new ChainCheck(anchor);
  for (const entry of entries) if (!check.take(entry)) break;
  const { sealed, firstBad } = check.end(head);
  return firstBad === null ? `holds ${sealed}` : `${firstBad.reason} ${firstBad.sealNo}`;
}

describe('chain of the audit', () => {
  it('holds as it was sealed', () => {
    fc.assert(fc.property(chain, ({ entries, head }) => assert.equal(verdict(entries, head, head), `holds ${entries.length}`)));
  });

  it('names the entry whose content was changed, whichever field it was', () => {
    const field = fc.constantFrom<keyof SealedContent>('entryId', 'at', 'actor', 'channel', 'action', 'subject', 'outcome', 'detail');
    fc.assert(
      fc.property(chain, fc.nat(), field, ({ entries, head }, pick, name) => {
        const at = pick % entries.length;
        const changed = entries.map((entry, index) => (index === at ? { ...entry, [name]: `${entry[name]}x` } : entry));
        assert.equal(verdict(changed, head), `CHANGED ${at + 1}`);
      }),
    );
  });

  it('sees a text moved over the border of two fields', () => {
    const [one, other] = [{ actor: 'ab', channel: 'c' }, { actor: 'a', channel: 'bc' }]; // prettier-ignore
    const rest = { entryId: '1', at: '0', action: '', subject: '', outcome: '', detail: '' };
    assert.notEqual(sealOf(GENESIS, { ...rest, ...one }).hash, sealOf(GENESIS, { ...rest, ...other }).hash);
  });

  it('names the first of the entries that were deleted', () => {
    fc.assert(
      fc.property(chain, fc.nat(), fc.integer({ min: 1, max: 3 }), ({ entries, head }, pick, count) => {
        const at = pick % entries.length;
        const left = entries.filter((_entry, index) => index < at || index >= at + count);
        assert.equal(verdict(left, head), `${at + count >= entries.length ? 'CUT_OFF' : 'MISSING'} ${at + 1}`);
      }),
    );
  });

  it('names the first of two entries that changed places', () => {
    fc.assert(
      fc.property(chain, fc.nat(), fc.nat(), ({ entries, head }, one, other) => {
        const [first, second] = [one % entries.length, other % entries.length].sort((a, b) => a - b) as [number, number];
        if (first === second) return;
        // Contents change places, numbers and hashes stay; or the seals move along, and only the hashes tell.
        const swapped = entries.map((entry, index) => {
          const from = entries[index === first ? second : index === second ? first : index] as SealedEntry;
          return { ...from, sealNo: entry.sealNo, hash: entry.hash };
        });
        assert.equal(verdict(swapped, head), `CHANGED ${first + 1}`);
        const withHash = swapped.map((entry, index) =>
          index === first || index === second ? { ...entry, hash: (entries[index === first ? second : first] as SealedEntry).hash } : entry,
        );
        assert.equal(verdict(withHash, head), `CHANGED ${first + 1}`);
      }),
    );
  });

  it('sees that the end was cut off and the head set back, by an anchor kept elsewhere', () => {
    fc.assert(
      fc.property(chain, fc.nat(), ({ entries, head }, pick) => {
        const kept = entries.slice(0, pick % entries.length);
        const setBack = kept.at(-1) ?? GENESIS;
        const forged = { sealNo: setBack.sealNo, hash: setBack.hash };
        assert.equal(verdict(kept, forged), `holds ${kept.length}`, 'without an anchor nobody can know');
        assert.equal(verdict(kept, forged, head), `CUT_OFF ${kept.length + 1}`);
      }),
    );
  });

  it('sees that the whole chain was sealed anew over changed entries, by an anchor kept elsewhere', () => {
    fc.assert(
      fc.property(chain, fc.nat(), ({ entries, head }, pick) => {
        const at = pick % entries.length;
        let end = GENESIS;
        const anew = entries.map((entry, index) => {
          const changed = index === at ? { ...entry, outcome: `${entry.outcome}x` } : entry;
          end = sealOf(end, changed);
          return { ...changed, ...end };
        });
        assert.equal(verdict(anew, end), `holds ${entries.length}`);
        assert.equal(verdict(anew, end, head), `ANCHOR_DIFFERS ${entries.length}`);
      }),
    );
  });
});
