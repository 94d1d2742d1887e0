/** A process that deploys without end and says after each commit that it is durable. It is killed by `kill.test.ts`. */
import { writeSync } from 'node:fs';
import { openJournal } from '@sluice/kernel/host/journal';
import { acquireLock } from '@sluice/kernel/host/lock';
import type { BundleContent } from '@sluice/kernel/host/ports';
import { openStore } from '@sluice/kernel/host/store';

async function main(folder: string): Promise<void> {
  await acquireLock(folder);
  const store = await openStore(folder);
  // Small, so that many kills fall into a rewrite of the file.
  const journal = await openJournal(folder, { compactAtBytes: 3_000 });
  for (;;) {
    const { generation, bundles } = journal.view.state;
    const version = `${generation + 1}.0.0`;
    const digest = await store.put(Buffer.from(`content of ${version}`));
    const current = bundles[0];
    const from: BundleContent | null = current === undefined ? null : { digest: current.digest, version: current.version };
    const deployId = `deploy-${generation + 1}`;
    const change = { symbolicName: 'test.sample', bundleId: 1, from, to: { digest, version }, autostart: true, startLevel: 50 };
    await journal.append({
      type: 'begin',
      at: 1,
      deployId,
      kind: 'deploy',
      actor: 'writer',
      baseGeneration: generation,
      changes: [change],
    });
    await journal.append({ type: 'commit', at: 2, deployId, generation: generation + 1 });
    writeSync(1, `${generation + 1}\n`);
    await journal.append({ type: 'done', at: 3, deployId, outcome: 'confirmed' });
  }
}

void main(String(process.argv[2]));
