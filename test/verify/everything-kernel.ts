/**
 * A real kernel inside this process with the system bundles and the bundle `verify.everything`, on a data folder of its own.
 * Owns kernel, folder and the connection to it; what is measured belongs to its users.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packBundle } from '@sluice/kernel/cli/toolchain/pack';
import { startKernel, type RunningKernel } from '@sluice/kernel/host/runtime';
import type { ChangeOutcome, ReleaseVerdict } from '@sluice/kernel/lifecycle/runtime';
import { withVersion } from '../support/artifacts.js';
import { BankClient } from '../support/bank-client.js';
import { BUNDLES, freePort, ROOT } from '../support/system.js';

/** The bundle that is swapped. */
export const EVERYTHING = 'verify.everything';

/** What the bundle answers to a visit. */
export interface Visit {
  readonly version: string;
  readonly greeting: string;
  readonly facts: Readonly<Record<string, number>>;
}

/** The kernel with the bundle in it. */
export class EverythingKernel {
  readonly dataFolder: string;
  readonly #kernel: RunningKernel;
  readonly #artifact: Buffer;
  readonly #client: BankClient;

  private constructor(dataFolder: string, kernel: RunningKernel, artifact: Buffer, client: BankClient) {
    this.dataFolder = dataFolder;
    this.#kernel = kernel;
    this.#artifact = artifact;
    this.#client = client;
  }

  /** Packs the bundle, starts the kernel and deploys the system bundles and version 1.0.0 of the bundle. */
  static async start(): Promise<EverythingKernel> {
    const packed = await packBundle(join(ROOT, 'test/verify/bundles/everything'), { outDir: join(ROOT, 'build/verify') });
    const artifact = readFileSync(packed.file);
    const dataFolder = mkdtempSync(join(tmpdir(), 'sluice-everything-'));
    const port = await freePort();
    mkdirSync(join(dataFolder, 'config'));
    writeFileSync(join(dataFolder, 'config/system.http.json'), JSON.stringify({ port }));
    const kernel = await startKernel({ dataFolder, logLevel: 'error' });
    const system = readdirSync(BUNDLES).filter((name) => name.startsWith('system.') && name.endsWith('.tgz'));
    const artifacts = [...system.map((name) => readFileSync(join(BUNDLES, name))), artifact];
    const outcome = await kernel.runtime.deploy(artifacts, { actor: 'verify', watchMs: 0 });
    const started = new EverythingKernel(dataFolder, kernel, artifact, new BankClient(`http://127.0.0.1:${port}`));
    if (outcome.outcome === 'committed') return started;
    await started.stop();
    throw new Error(`the system did not start: ${outcome.error?.message}`);
  }

  /** Replaces the bundle by the same content with another version number. */
  swap(version: string): Promise<ChangeOutcome> {
    return this.#kernel.runtime.deploy([withVersion(this.#artifact, version)], { actor: 'verify', watchMs: 0 });
  }

  /** One request that goes through every part of the bundle. */
  async visit(visitor: string): Promise<Visit> {
    const answer = await this.#client.send<Visit>('GET', `/everything/visit/${visitor}`);
    if (answer.status !== 200) throw new Error(`a visit was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** Forces collections and returns the verdicts on replaced revisions, holders named. */
  leaks(): Promise<readonly ReleaseVerdict[]> {
    return this.#kernel.runtime.leaks({ collect: true });
  }

  async stop(): Promise<void> {
    this.#client.close();
    await this.#kernel.close();
    rmSync(this.dataFolder, { recursive: true, force: true });
  }
}
