/** Bundle folders written by a test, inside the checkout so that packages resolve. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** A folder that is removed by its undo. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const parent = resolve('build/test-folders');
  mkdirSync(parent, { recursive: true });
  const path = mkdtempSync(join(parent, 'bundle-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Writes files below a folder. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** A package.json of a bundle. */
export function packageJson(section: Readonly<Record<string, unknown>> = {}, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    name: '@test/sample',
    version: '1.0.0',
    license: 'Apache-2.0',
    main: 'activator.ts',
    ...more,
    sluice: { sdk: '^1.0.0', symbolicName: 'test.sample', ...section },
  });
}

/** Sources of a bundle that uses everything the tool-chain must understand: decorators with metadata, contracts, an interface in a constructor. */
export const SAMPLE: Readonly<Record<string, string>> = {
  'package.json': packageJson({ permissions: { builtins: ['node:crypto'] } }, { description: 'A sample', devDependencies: { mocha: '*' } }),
  'activator.ts': `
    import { defineBundle, Routes } from '@sluice/sdk';
    import { Greeter } from './domain/greeter.js';
    import { Other } from './contract.js';
    export default defineBundle({ components: [Greeter], provides: [Routes], requires: [{ contract: Other, optional: true }] });`,
  'contract.ts': `
    import { contract, method, syncMethod, Type } from '@sluice/sdk';
    export interface Names { of(id: string): string }
    export const Greeting = contract('test.Greeting', '1.2.3', { greet: method([Type.String()], Type.Number()) });
    export const Other = contract('test.Other', '2.4.6', { now: syncMethod([], Type.Number()) });
    export const Clock = contract('test.Clock', '0.3.1', { now: method([], Type.Number()) });`,
  'domain/greeter.ts': `
    import { createHash } from 'node:crypto';
    import { Component, Reference } from '@sluice/sdk';
    import { singleton } from 'tsyringe';
    import { Clock, Greeting, Names } from '../contract.js';
    @singleton() export class Hasher { hash(text: string) { return createHash('sha256').update(text).digest('hex'); } }
    @Component({ provides: Greeting })
    export class Greeter {
      constructor(readonly hasher: Hasher, @Reference(Clock, { cardinality: '0..n', filter: '(x=1)' }) readonly clock: Names) {}
      async greet(name: string) { return this.hasher.hash(name).length; }
    }`,
  'public/b.txt': 'b',
  'public/a/index.html': '<p>a</p>',
  'migrations/0001.sql': 'select 1',
  'README.md': '# Sample',
  'CHANGELOG.md': '# Changes',
  'notes.txt': 'not packed',
};
