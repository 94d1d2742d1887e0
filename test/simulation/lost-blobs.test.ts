/** A disk that returns something else than was written: the bundle falls back to what is good or stays down, and a deploy brings it back. */
import { deepStrictEqual as equal, ok } from 'node:assert';
import { seeded } from '../verify/random.js';
import { ARTIFACTS } from './scripted-bundles.js';
import { SimulatedHost, type Running } from './simulated-host.js';

const OPTIONS = { actor: 'test', watchMs: 0 } as const;
const [FIRST, SECOND] = ARTIFACTS['sim.alpha'] ?? [];
const OTHER = ARTIFACTS['sim.beta']?.[0];

async function booted(host: SimulatedHost): Promise<Running> {
  const answer = await host.boot();
  ok(answer !== 'lost' && 'value' in answer);
  return answer.value;
}

async function deployed(host: SimulatedHost, { kernel, persistence }: Running, ...artifacts: readonly (typeof FIRST)[]): Promise<void> {
  const answer = await host.drive(() =>
    kernel.deploy(
      artifacts.map((one) => one?.bytes ?? new Uint8Array()),
      OPTIONS,
    ),
  );
  ok(answer !== 'lost' && 'value' in answer);
  equal(answer.value.outcome, 'committed');
  // Each artifact gets a file of its own, which can then be damaged.
  await host.drive(() => persistence.store.settled());
}

function damage(host: SimulatedHost, artifact: typeof FIRST): void {
  const path = `/data/blobs/${artifact?.digest}`;
  const bytes = Buffer.from(host.disk.content(path) ?? Buffer.alloc(0));
  bytes[10] = (bytes[10] ?? 0) ^ 1;
  host.disk.overwrite(path, bytes);
}

/** Bundles as the kernel has them and as the journal wants them, and the alarms. */
function seen({ kernel, persistence }: Running): unknown {
  return {
    is: kernel.bundles().map(({ id, symbolicName, version, state }) => `${id} ${symbolicName} ${version} ${state}`),
    wanted: persistence.journal.view.state.bundles.map(({ bundleId, symbolicName, version }) => `${bundleId} ${symbolicName} ${version}`),
    alarms: kernel.state.alarms.map(({ code }) => code),
  };
}

describe('lost blobs', () => {
  it('falls back to the version before', async () => {
    const host = new SimulatedHost(seeded(1), () => undefined);
    const running = await booted(host);
    await deployed(host, running, FIRST);
    await deployed(host, running, SECOND);
    damage(host, SECOND);
    host.crash('process');
    equal(seen(await booted(host)), { is: ['1 sim.alpha 1.0.0 ACTIVE'], wanted: ['1 sim.alpha 1.0.0'], alarms: ['BLOB_LOST'] });
  });

  it('without one it stays down; deploying it again makes it the bundle that it was', async () => {
    for (const again of [FIRST, SECOND]) {
      const host = new SimulatedHost(seeded(1), () => undefined);
      await deployed(host, await booted(host), FIRST, OTHER);
      damage(host, FIRST);
      host.crash('process');
      const down = await booted(host);
      ok(down.kernel.state.alarms.some(({ code }) => code === 'BLOB_LOST'));
      equal(
        down.kernel.bundles().map(({ symbolicName, state }) => `${symbolicName} ${state}`),
        ['sim.beta ACTIVE'],
      );
      await deployed(host, down, again);
      host.crash('power');
      const wanted = [`1 sim.alpha ${again?.version}`, '2 sim.beta 1.0.0'];
      equal(seen(await booted(host)), { is: wanted.map((line) => `${line} ACTIVE`), wanted, alarms: [] });
    }
  });

  it('and it can be uninstalled', async () => {
    const host = new SimulatedHost(seeded(1), () => undefined);
    await deployed(host, await booted(host), FIRST, OTHER);
    damage(host, FIRST);
    host.crash('process');
    const down = await booted(host);
    const answer = await host.drive(() => down.kernel.uninstall('sim.alpha', OPTIONS));
    ok(answer !== 'lost' && 'value' in answer, JSON.stringify(answer));
    host.crash('power');
    equal(seen(await booted(host)), { is: ['2 sim.beta 1.0.0 ACTIVE'], wanted: ['2 sim.beta 1.0.0'], alarms: [] });
  });
});
