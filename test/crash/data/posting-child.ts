/**
 * Posts transfers with eight clients until it is killed, and says each one's key on standard output as soon as its unit of work has
 * resolved. Arguments: dialect, name of the place, prefix of the keys, seed.
 */
import { writeSync } from 'node:fs';
import { openPlace, type Place } from '../../contract/data/databases.js';
import { post, randomFrom } from './postings.js';

async function main([dialect, name, prefix, seed]: string[]): Promise<void> {
  const database = await openPlace(dialect as Place['dialect'], name as string);
  const data = database.service('core.ledger');
  const random = randomFrom(Number(seed));
  let next = 0;
  const client = async (): Promise<void> => {
    for (;;) {
      const key = `${prefix}-${++next}`;
      await post(data, key, random);
      writeSync(1, `${key}\n`);
    }
  };
  writeSync(1, 'ready\n');
  await Promise.all(Array.from({ length: 8 }, client));
}

void main(process.argv.slice(2));
