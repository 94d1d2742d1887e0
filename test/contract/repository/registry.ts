/** A real npm registry (verdaccio) on loopback, in a process of its own, and the real npm client to publish to it. For tests. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../../support/system.js';

/** Anybody may publish and read; nothing is asked of another registry. */
const CONFIG = (folder: string): string => `
storage: ${folder}/storage
auth: { htpasswd: { file: ${folder}/htpasswd, max_users: -1 } }
uplinks: {}
packages: { '**': { access: $all, publish: $all, unpublish: $all } }
log: { type: stdout, format: pretty, level: warn }
web: { enable: false }
`;

/** A registry. */
export class Registry {
  private constructor(
    readonly url: string,
    private readonly folder: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(): Promise<Registry> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-registry-'));
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    writeFileSync(join(folder, 'config.yaml'), CONFIG(folder));
    writeFileSync(join(folder, '.npmrc'), `registry=${url}/\n//127.0.0.1:${port}/:_authToken=anybody\n`);
    const program = require.resolve('verdaccio/bin/verdaccio');
    const child = spawn(process.execPath, [program, '--config', join(folder, 'config.yaml'), '--listen', `127.0.0.1:${port}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise<void>((done, fail) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line.includes('http address')) done();
      });
      child.once('exit', (code) => fail(new Error(`the registry ended with ${code}`)));
    });
    return new Registry(url, folder, child);
  }

  /** `npm publish` of a tarball, as whoever releases bundles does it. */
  publish(name: string, bytes: Uint8Array, ...words: readonly string[]): void {
    const file = join(this.folder, name);
    writeFileSync(file, bytes);
    this.npm('publish', file, ...words);
  }

  /** Runs the npm client against the registry. */
  npm(...words: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync(
      'npm',
      [...words, '--userconfig', join(this.folder, '.npmrc'), '--cache', join(this.folder, 'cache')],
      {
        cwd: this.folder,
        encoding: 'utf8',
      },
    );
    if (status !== 0) throw new Error(`npm ${words.join(' ')} ended with ${status}: ${stderr}`);
    return stdout;
  }

  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await exited;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
