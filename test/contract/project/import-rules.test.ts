/** The import rules bite: in a small tree that breaks each of them once, each is named, and nothing else is. `npm run check` runs them over the project. */
import { deepStrictEqual as equal } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../../support/system.js';
import { withTree } from './mini-tree.js';

interface Violation {
  readonly rule: { readonly name: string };
  readonly from: string;
  readonly to: string;
}

/** Files by what they import. */
const BROKEN: Readonly<Record<string, readonly string[]>> = {
  'sdk/index.ts': ['../kernel/model/index.js'],
  'kernel/model/index.ts': ['../resolver/index.js'],
  'kernel/resolver/index.ts': ['../registry/index.js'],
  'kernel/trust/verdict.ts': ['../host/ports.js', 'node:fs'],
  'kernel/registry/index.ts': ['../component/index.js'],
  'kernel/component/index.ts': ['../lifecycle/runtime.js'],
  'kernel/lifecycle/runtime.ts': ['../host/ports.js', '../host/store.js'],
  'kernel/host/ports.ts': [],
  'kernel/host/store.ts': ['../registry/index.js'],
  'kernel/admin/server.ts': ['../lifecycle/runtime.js', '../lifecycle/commands.js'],
  'kernel/lifecycle/commands.ts': [],
  'kernel/repository/repository.ts': ['../model/index.js', '../host/store.js'],
  'kernel/cli/main.ts': ['../repository/repository.js', '../lifecycle/runtime.js', '../host/store.js'],
  'plugins/api/x-api/index.ts': ['../../../sdk/index.js', '../../business/x/activator.js'],
  'plugins/business/x/activator.ts': ['../../api/x-api/index.js', '../../../kernel/model/index.js', '../y/activator.js'],
  'plugins/business/y/activator.ts': ['./domain/rule.js'],
  'plugins/business/y/domain/rule.ts': ['../adapters/rows.js', 'node:fs'],
  'plugins/business/y/adapters/rows.ts': ['node:fs'],
};

function violations(imports: Readonly<Record<string, readonly string[]>>): readonly string[] {
  const files = Object.entries(imports).map(([path, from]) => [path, [...from.map((one) => `import '${one}';`), 'export {};'].join('\n')]);
  return withTree(Object.fromEntries(files) as Record<string, string>, (folder) => {
    const words = ['--config', join(ROOT, '.dependency-cruiser.cjs'), '--output-type', 'json', 'sdk', 'kernel', 'plugins'];
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'), ...words],
      { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
    );
    if (stdout === '') throw new Error(stderr);
    const { summary } = JSON.parse(stdout) as { summary: { violations: readonly Violation[] } };
    return summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`).sort();
  });
}

describe('import rules', function () {
  this.timeout(60_000);

  it('name each import that crosses a border, and no other', () => {
    equal(violations(BROKEN), [
      'admin-serves-the-runtime: kernel/admin/server.ts -> kernel/lifecycle/commands.ts',
      'api-packages-hold-contracts: plugins/api/x-api/index.ts -> plugins/business/x/activator.ts',
      'bundle-never-bundle: plugins/business/x/activator.ts -> plugins/business/y/activator.ts',
      'bundle-never-kernel: plugins/business/x/activator.ts -> kernel/model/index.ts',
      'cli-is-a-client: kernel/cli/main.ts -> kernel/host/store.ts',
      'component-below-lifecycle: kernel/component/index.ts -> kernel/lifecycle/runtime.ts',
      'domain-does-no-io: plugins/business/y/domain/rule.ts -> fs',
      'domain-does-no-io: plugins/business/y/domain/rule.ts -> plugins/business/y/adapters/rows.ts',
      'host-behind-ports: kernel/host/store.ts -> kernel/registry/index.ts',
      'lifecycle-through-ports: kernel/lifecycle/runtime.ts -> kernel/host/store.ts',
      'model-only-sdk: kernel/model/index.ts -> kernel/resolver/index.ts',
      'registry-only-model: kernel/registry/index.ts -> kernel/component/index.ts',
      'repository-reads-artifacts: kernel/repository/repository.ts -> kernel/host/store.ts',
      'resolver-only-model: kernel/resolver/index.ts -> kernel/registry/index.ts',
      'sdk-imports-nothing: sdk/index.ts -> kernel/model/index.ts',
      'trust-does-no-io: kernel/trust/verdict.ts -> fs',
      'trust-only-model: kernel/trust/verdict.ts -> kernel/host/ports.ts',
    ]);
  });
});
