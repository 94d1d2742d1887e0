/** Promises of the watched folder, on files in memory: when a file is taken, what is told, and that nothing is done twice. */
import { deepStrictEqual as equal } from 'node:assert';
import type { DeployOptions, DeployOutcome } from '@sluice/sdk';
import { Answers, type StatePort } from '../../../../plugins/system/deployer/domain/answers.js';
import { DeployFolder, type FolderFiles, type FolderSettings } from '../../../../plugins/system/deployer/domain/deploy-folder.js';
import type { Listed } from '../../../../plugins/system/deployer/domain/candidates.js';

class Files implements FolderFiles {
  readonly contents = new Map<string, { text: string; stamp: number; bytes?: number }>();
  readonly statuses = new Map<string, Record<string, unknown>>();
  unmounted = false;
  reads = 0;
  #stamp = 0;

  put(name: string, text: string, bytes?: number): void {
    this.contents.set(name, { text, stamp: ++this.#stamp, ...(bytes === undefined ? {} : { bytes }) });
  }
  async list(): Promise<Listed[]> {
    if (this.unmounted) throw new Error('ENOENT: no such folder');
    return [...this.contents].map(([name, { text, stamp, bytes }]) => ({ name, bytes: bytes ?? text.length, stamp: String(stamp) }));
  }
  async read(name: string): Promise<Uint8Array | null> {
    this.reads++;
    const found = this.contents.get(name);
    return found === undefined ? null : Buffer.from(found.text);
  }
  readonly signatures = new Map<string, string>();
  sign(name: string, text: string): void {
    this.signatures.set(name, text);
    const found = this.contents.get(name);
    if (found !== undefined) found.stamp = ++this.#stamp;
  }
  async readSignatures(name: string): Promise<Uint8Array | null> {
    const found = this.signatures.get(name);
    return found === undefined ? null : Buffer.from(found);
  }
  async writeStatus(name: string, text: string): Promise<void> {
    this.statuses.set(name, JSON.parse(text) as Record<string, unknown>);
  }
  async removeStatus(name: string): Promise<void> {
    this.statuses.delete(name);
  }
}

class State implements StatePort {
  text: string | null = null;
  async read(): Promise<string | null> {
    return this.text;
  }
  async write(text: string): Promise<void> {
    this.text = text;
  }
}

/** A kernel that takes what begins with `good`, and installs it under the word after it. */
class Kernel {
  readonly asked: string[] = [];
  readonly uninstalled: string[] = [];
  installed: { id: number; symbolicName: string; version: string; state: string; digest: string }[] = [];
  failure: Error | null = null;
  refuse: (texts: readonly string[]) => boolean = (texts) => texts.some((text) => !text.startsWith('good'));

  async deploy(artifacts: readonly Uint8Array[], options: DeployOptions): Promise<DeployOutcome> {
    if (this.failure !== null) throw this.failure;
    const texts = artifacts.map((bytes) => Buffer.from(bytes).toString());
    this.asked.push(`${options.actor}${options.watchMs === undefined ? '' : ` watch=${options.watchMs}`}`);
    const plain = { deployId: `d${this.asked.length}`, generation: this.asked.length, bundles: [] };
    if (this.refuse(texts))
      return { ...plain, outcome: 'refused', error: { code: 'RESOLUTION_FAILED', message: `cannot: ${texts.join()}`, details: {} } };
    for (const text of texts) {
      const [, symbolicName = '', version = ''] = text.split(' ');
      this.installed = this.installed.filter((one) => one.symbolicName !== symbolicName);
      this.installed.push({ id: 1, symbolicName, version, state: 'ACTIVE', digest: `#${text}` });
    }
    return { ...plain, outcome: 'committed' };
  }

  async uninstall(symbolicName: string, options: { actor: string }): Promise<DeployOutcome> {
    this.uninstalled.push(`${symbolicName} by ${options.actor}`);
    return { deployId: 'u', outcome: 'committed', generation: 1, bundles: [] };
  }

  bundles(): typeof this.installed {
    return this.installed;
  }
}

function setup(shared: { files?: Files; state?: State; kernel?: Kernel; settings?: Partial<FolderSettings> } = {}) {
  const files = shared.files ?? new Files();
  const state = shared.state ?? new State();
  const kernel = shared.kernel ?? new Kernel();
  const lines: string[] = [];
  const facts = { owns: true, now: 0 };
  const line = (level: string) => (text: string) => void lines.push(`${level} ${text}`);
  const log = { info: line('info'), warn: line('warn'), error: line('error') };
  const folder = new DeployFolder(
    {
      files,
      framework: kernel,
      log,
      loadAnswers: () => Answers.load(state, '/deploy', log),
      inspect: async (content) => {
        const text = Buffer.from(content).toString();
        return text.endsWith('...') ? 'incomplete' : text.startsWith('junk') ? { bad: 'no gzip header' } : 'complete';
      },
      digest: (content) => `#${Buffer.from(content).toString()}`,
      now: () => 0,
      monotonic: () => facts.now,
      owns: () => facts.owns,
    },
    { incompleteReportMs: 60_000, uninstallOnRemove: false, ...shared.settings },
  );
  const twoLooks = async (): Promise<string[]> => [await folder.scan(), await folder.scan()];
  const outcomes = (): Record<string, unknown> =>
    Object.fromEntries([...files.statuses].map(([name, status]) => [name, status['outcome']]));
  return { files, state, kernel, lines, facts, folder, twoLooks, outcomes };
}

describe('system.deployer taking files', () => {
  it('deploys a file that two looks find the same, tells beside it, and then leaves it alone', async () => {
    const { files, kernel, folder, lines } = setup();
    files.put('ledger.tgz', 'good core.ledger 1.0.0');
    equal([await folder.scan(), kernel.asked], ['settling', []]);
    equal([await folder.scan(), kernel.asked], ['settled', ['folder:ledger.tgz']]);
    equal(files.statuses.get('ledger.tgz'), {
      file: 'ledger.tgz',
      digest: '#good core.ledger 1.0.0',
      outcome: 'committed',
      deployId: 'd1',
      generation: 1,
      at: '1970-01-01T00:00:00.000Z',
      bundle: { symbolicName: 'core.ledger', version: '1.0.0' },
    });
    const { reads } = files;
    for (let look = 0; look < 5; look++) await folder.scan();
    equal([kernel.asked.length, files.reads, lines], [1, reads, ["info 'ledger.tgz' is deployed"]]);
  });

  it('sends the signature file along, and asks again once one has come', async () => {
    const { files, kernel, folder, twoLooks, outcomes } = setup();
    const seen: (string[] | undefined)[] = [];
    kernel.refuse = () => seen.at(-1) === undefined;
    const deploy = kernel.deploy.bind(kernel);
    kernel.deploy = (artifacts, options) => {
      seen.push(options.signatures?.map((bytes) => Buffer.from(bytes).toString()));
      return deploy(artifacts, options);
    };
    files.put('ledger.tgz', 'good core.ledger 1.0.0');
    await twoLooks();
    await twoLooks();
    equal([seen, outcomes()], [[undefined], { 'ledger.tgz': 'refused' }]);
    files.sign('ledger.tgz', 'signed');
    await twoLooks();
    await folder.scan();
    equal([seen, outcomes()], [[undefined, ['signed']], { 'ledger.tgz': 'committed' }]);
    equal(files.statuses.get('ledger.tgz')?.['digest'], '#good core.ledger 1.0.0');
  });

  it('waits while a file grows, changes, or changes back', async () => {
    const { files, kernel, folder } = setup();
    for (const text of ['good', 'good core', 'good core.ledger 1.0.0', 'good core.ledger 1.0.1', 'good core.ledger 1.0.0']) {
      files.put('ledger.tgz', text);
      equal(await folder.scan(), 'settling');
    }
    equal(kernel.asked, []);
    await folder.scan();
    equal(kernel.installed[0]?.version, '1.0.0');
  });

  it('does not deploy again what was only touched, and deploys what changed', async () => {
    const { files, kernel, twoLooks } = setup();
    files.put('ledger.tgz', 'good core.ledger 1.0.0');
    await twoLooks();
    files.put('ledger.tgz', 'good core.ledger 1.0.0');
    await twoLooks();
    equal(kernel.asked.length, 1);
    files.put('ledger.tgz', 'good core.ledger 2.0.0');
    await twoLooks();
    equal([kernel.asked.length, kernel.installed[0]?.version], [2, '2.0.0']);
  });

  it('reports a bad file once, and tries again only a changed one', async () => {
    const { files, kernel, lines, twoLooks, outcomes } = setup();
    files.put('a.tgz', 'junk');
    files.put('b.tgz', 'bad b');
    files.put('c.tgz', 'good c', 100_000_000);
    for (let look = 0; look < 6; look++) await twoLooks();
    equal([kernel.asked, outcomes()], [['folder:b.tgz'], { 'a.tgz': 'refused', 'b.tgz': 'refused', 'c.tgz': 'refused' }]);
    equal(lines, [
      "error 'a.tgz' is no artifact: found no gzip header, expected a gzip-compressed tar archive as 'sluice pack' writes it. It is not looked at again until it changes",
      "error 'c.tgz' is no artifact: found 100000000 bytes, more than 67108864, expected a gzip-compressed tar archive as 'sluice pack' writes it. It is not looked at again until it changes",
      "error 'b.tgz' was not deployed: cannot: bad b",
    ]);
    files.put('b.tgz', 'good b 1.0.0');
    await twoLooks();
    equal(outcomes()['b.tgz'], 'committed');
  });

  it('takes an incomplete file for one that is still coming, and says so once when it does not come', async () => {
    const { files, kernel, lines, facts, twoLooks, outcomes } = setup();
    files.put('a.tgz', 'good a...');
    for (let look = 0; look < 5; look++) await twoLooks();
    equal([lines, outcomes()], [[], {}]);
    facts.now = 60_000;
    for (let look = 0; look < 5; look++) await twoLooks();
    equal([lines.length, outcomes()], [1, { 'a.tgz': 'incomplete' }]);
    files.put('a.tgz', 'good a 1.0.0');
    await twoLooks();
    equal([kernel.asked, outcomes()], [['folder:a.tgz'], { 'a.tgz': 'committed' }]);
  });

  it('tries again with each look while the kernel cannot answer, and says so once', async () => {
    const { files, kernel, lines, folder, twoLooks, outcomes } = setup();
    kernel.failure = new Error('the journal is poisoned');
    files.put('a.tgz', 'good a 1.0.0');
    for (let look = 0; look < 4; look++) await twoLooks();
    equal(
      [lines, outcomes()],
      [['error The deploy folder cannot be worked on: the journal is poisoned. It is tried again with each look'], { 'a.tgz': 'deferred' }],
    );
    kernel.failure = null;
    await folder.scan();
    equal(outcomes(), { 'a.tgz': 'committed' });
  });

  it('passes the configured probation on', async () => {
    const { files, kernel, twoLooks } = setup({ settings: { probationMs: 5_000 } });
    files.put('a.tgz', 'good a 1.0.0');
    await twoLooks();
    equal(kernel.asked, ['folder:a.tgz watch=5000']);
  });
});

describe('system.deployer several files', () => {
  it('deploys what came together in one plan, versions in order', async () => {
    const { files, kernel, twoLooks } = setup();
    for (const name of ['b-1.10.0.tgz', 'a.tgz', 'b-1.9.0.tgz']) files.put(name, `good ${name} 1.0.0`);
    await twoLooks();
    equal(kernel.asked, ['folder:a.tgz,b-1.9.0.tgz,b-1.10.0.tgz']);
  });

  it('does not let a bad file hold up good ones, in whatever order they need each other', async () => {
    const { files, kernel, twoLooks, outcomes } = setup();
    // a needs c, which needs d; b is bad.
    const needs: Record<string, string> = { 'good a 1.0.0': 'c', 'good c 1.0.0': 'd' };
    kernel.refuse = (texts) =>
      texts.some((text) => {
        const needed = needs[text];
        const there = kernel.installed.some((one) => one.symbolicName === needed) || texts.includes(`good ${needed} 1.0.0`);
        return text.startsWith('bad') || (needed !== undefined && !there);
      });
    for (const name of ['a', 'c', 'd']) files.put(`${name}.tgz`, `good ${name} 1.0.0`);
    files.put('b.tgz', 'bad b');
    await twoLooks();
    equal(outcomes(), { 'a.tgz': 'committed', 'b.tgz': 'refused', 'c.tgz': 'committed', 'd.tgz': 'committed' });
    equal(files.statuses.get('b.tgz')?.['error'], { code: 'RESOLUTION_FAILED', message: 'cannot: bad b' });
  });

  it('deploys a large number in plans of bounded size', async () => {
    const { files, kernel, folder } = setup();
    for (let index = 0; index < 120; index++) files.put(`b${index}.tgz`, `good b${index} 1.0.0`);
    for (let look = 0; look < 6; look++) await folder.scan();
    equal([kernel.asked.map((actor) => actor.split(',').length), kernel.installed.length], [[50, 50, 20], 120]);
  });
});

describe('system.deployer restarts', () => {
  it('does not deploy again what was answered before, also an old version beside the installed one', async () => {
    const first = setup();
    first.files.put('a-1.tgz', 'good a 1.0.0');
    await first.twoLooks();
    first.files.put('a-2.tgz', 'good a 2.0.0');
    first.files.put('b.tgz', 'bad b');
    await first.twoLooks();
    first.files.statuses.clear();
    const { length } = first.kernel.asked;
    const second = setup(first);
    await second.twoLooks();
    equal([first.kernel.asked.length, first.kernel.installed[0]?.version, second.lines], [length, '2.0.0', []]);
  });

  it('finds what was installed before the process could write its answer', async () => {
    const { files, kernel, twoLooks, outcomes } = setup();
    files.put('a.tgz', 'good a 1.0.0');
    await kernel.deploy([Buffer.from('good a 1.0.0')], { actor: 'folder:a.tgz' });
    await twoLooks();
    equal([kernel.asked.length, outcomes()], [1, { 'a.tgz': 'committed' }]);
  });

  it('counts answers only for the folder they were given in, and survives nonsense', async () => {
    const first = setup();
    first.state.text = JSON.stringify({ folder: '/other', answers: { 'a.tgz': '#good a 1.0.0' } });
    first.files.put('a.tgz', 'good a 1.0.0');
    await first.twoLooks();
    equal(first.kernel.asked.length, 1);
    first.state.text = 'nonsense';
    const second = setup(first);
    await second.twoLooks();
    equal([first.kernel.asked.length, second.lines.length], [1, 1]);
  });

  it('does nothing before its switch, after the next one, or when stopped', async () => {
    const { files, kernel, facts, folder, twoLooks } = setup();
    files.put('a.tgz', 'good a 1.0.0');
    facts.owns = false;
    await twoLooks();
    equal([kernel.asked, files.reads], [[], 0]);
    facts.owns = true;
    await folder.scan();
    folder.stop();
    await folder.scan();
    equal(kernel.asked, []);
  });

  it('writes nothing more when a deploy replaced this very revision', async () => {
    const { files, kernel, facts, state, twoLooks, outcomes } = setup();
    const { deploy } = kernel;
    kernel.deploy = async function (...args) {
      const outcome = await deploy.apply(this, args);
      facts.owns = false;
      return outcome;
    };
    files.put('deployer.tgz', 'good system.deployer 2.0.0');
    await twoLooks();
    equal([outcomes(), state.text], [{ 'deployer.tgz': 'deploying' }, null]);
    const next = setup({ files, kernel, state });
    await next.twoLooks();
    equal([next.outcomes(), kernel.asked.length], [{ 'deployer.tgz': 'committed' }, 1]);
  });
});

describe('system.deployer removed files', () => {
  const CONTENT = 'good a 1.0.0';

  it('leaves the bundle alone, and deploys the file anew when it comes back', async () => {
    const { files, kernel, twoLooks, outcomes } = setup();
    files.put('a-1.tgz', CONTENT);
    await twoLooks();
    files.put('a-2.tgz', 'good a 2.0.0');
    await twoLooks();
    files.contents.delete('a-1.tgz');
    equal(await twoLooks(), ['settling', 'settled']);
    equal([kernel.uninstalled, outcomes()], [[], { 'a-2.tgz': 'committed' }]);
    files.put('a-1.tgz', CONTENT);
    await twoLooks();
    equal(kernel.installed[0]?.version, '1.0.0');
  });

  it('uninstalls when configured to, only what the file brought and is still there', async () => {
    const { files, kernel, twoLooks } = setup({ settings: { uninstallOnRemove: true } });
    files.put('a.tgz', CONTENT);
    files.put('b.tgz', 'good b 1.0.0');
    files.put('c.tgz', 'bad c');
    await twoLooks();
    await kernel.deploy([Buffer.from('good b 2.0.0')], { actor: 'someone' });
    for (const name of ['a.tgz', 'b.tgz', 'c.tgz']) files.contents.delete(name);
    await twoLooks();
    equal(kernel.uninstalled, ['a by folder:a.tgz']);
  });

  it('does not take a file that is being replaced, or an unmounted folder, for removed', async () => {
    const { files, kernel, folder, lines, twoLooks } = setup({ settings: { uninstallOnRemove: true } });
    files.put('a.tgz', CONTENT);
    await twoLooks();
    files.contents.delete('a.tgz');
    await folder.scan();
    files.put('a.tgz', CONTENT);
    await twoLooks();
    files.unmounted = true;
    for (let look = 0; look < 4; look++) await twoLooks();
    equal([kernel.uninstalled, lines.filter((line) => line.startsWith('error')).length], [[], 1]);
  });

  it('finds what was removed while it was not running', async () => {
    const first = setup();
    first.files.put('a.tgz', CONTENT);
    await first.twoLooks();
    first.files.contents.delete('a.tgz');
    const second = setup({ ...first, settings: { uninstallOnRemove: true } });
    await second.folder.scan();
    equal(first.kernel.uninstalled, ['a by folder:a.tgz']);
    equal([first.files.statuses.size, JSON.parse(first.state.text ?? '')], [0, { folder: '/deploy', answers: {} }]);
  });
});
