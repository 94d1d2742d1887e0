/** Random bytes for order numbers, fetched by the page: asking the system for ten bytes at a time costs more than all else in a number. */
import { randomFillSync } from 'node:crypto';

const PAGE_BYTES = 4096;

/** Gives random bytes, each of them once. */
export function randomPool(): (count: number) => Uint8Array {
  const page = new Uint8Array(PAGE_BYTES);
  let used = PAGE_BYTES;
  return (count) => {
    if (used + count > PAGE_BYTES) {
      randomFillSync(page);
      used = 0;
    }
    used += count;
    return page.slice(used - count, used);
  };
}
