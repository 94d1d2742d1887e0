/** The check for unused code bites: a file and an export that nobody needs are named. `npm run check` runs it over the project. */
import { match, strictEqual as equal } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../support/system.js';
import { withTree } from './mini-tree.js';

function knip(files: Readonly<Record<string, string>>): { readonly status: number | null; readonly output: string } {
  const project = {
    'package.json': JSON.stringify({ name: 'small', private: true, workspaces: ['kernel'] }),
    'knip.json': readFileSync(join(ROOT, 'knip.json'), 'utf8'),
    'kernel/package.json': JSON.stringify({ name: '@small/kernel', private: true, main: 'cli/main.ts' }),
    ...files,
  };
  return withTree(project, (folder) => {
    const run = spawnSync(process.execPath, [join(ROOT, 'node_modules/knip/bin/knip.js'), '--no-config-hints'], {
      cwd: folder,
      encoding: 'utf8',
    });
    return { status: run.status, output: `${run.stdout}${run.stderr}` };
  });
}

describe('the check for unused code', function () {
  this.timeout(60_000);
  const entry = `import { used } from './parts.js';\nused();\n`;

  it('names a file and an export that nobody uses', () => {
    const { status, output } = knip({
      'kernel/cli/main.ts': entry,
      'kernel/cli/parts.ts': `export const used = (): void => {};\nexport const forgotten = 1;\n`,
      'kernel/cli/lost.ts': 'export const lost = 1;\n',
    });
    equal(status, 1, output);
    match(output, /Unused files \(1\)\s+kernel\/cli\/lost\.ts/);
    match(output, /forgotten\s+kernel\/cli\/parts\.ts/);
  });

  it('is silent when everything is used', () => {
    const { status, output } = knip({ 'kernel/cli/main.ts': entry, 'kernel/cli/parts.ts': 'export const used = (): void => {};\n' });
    equal(status, 0, output);
  });
});
