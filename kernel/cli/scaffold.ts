/**
 * The files of a new bundle: a route, a service component behind a contract, configuration, a unit test on the real engine, and documents.
 * Pure: names in, texts out. Writing them is the create command's business.
 */

/** What the files depend on. */
export interface ScaffoldNames {
  /** Symbolic name, e.g. `business.rates`. */
  readonly symbolicName: string;
  readonly family: string;
  /** Ranges or paths of the packages, by name. */
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** File contents by path. */
export function scaffoldFiles(names: ScaffoldNames): ReadonlyMap<string, string> {
  const { symbolicName } = names;
  const mount = `/${symbolicName.replaceAll('.', '/')}`;
  return new Map([
    ['package.json', packageJson(names, mount)],
    ['tsconfig.json', TSCONFIG],
    ['.vscode/settings.json', EDITOR_SETTINGS],
    ['.vscode/launch.json', EDITOR_LAUNCH],
    ['.gitignore', 'node_modules/\ndist/\nbuild/\n.sluice/\n'],
    ['activator.ts', activator(symbolicName)],
    ['contract.ts', contract(symbolicName)],
    ['domain/greeter.ts', GREETER],
    ['adapters/greeting-routes.ts', routes(symbolicName)],
    ['test/greeting.test.ts', test(symbolicName, mount)],
    ['README.md', readme(symbolicName, mount)],
    ['CHANGELOG.md', `# Changelog\n\n## 1.0.0\n\n- First version: greets by name.\n`],
  ]);
}

/** The package name of a bundle: its symbolic name with dashes. */
export function packageNameOf(symbolicName: string): string {
  return symbolicName.replaceAll('.', '-');
}

function packageJson(names: ScaffoldNames, mount: string): string {
  const content = {
    name: packageNameOf(names.symbolicName),
    version: '1.0.0',
    private: true,
    description: `Bundle ${names.symbolicName}`,
    license: 'UNLICENSED',
    main: 'activator.ts',
    scripts: { build: 'sluice pack', test: 'sluice test', dev: 'sluice dev' },
    dependencies: names.dependencies,
    devDependencies: names.devDependencies,
    sluice: {
      sdk: '^1.0.0',
      symbolicName: names.symbolicName,
      family: names.family,
      http: { mount },
      config: {
        schema: {
          type: 'object',
          additionalProperties: false,
          properties: { greeting: { type: 'string', minLength: 1, description: 'the word before the name' } },
        },
        defaults: { greeting: 'Hello' },
      },
    },
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

const TSCONFIG = `{
  "compilerOptions": {
    "target": "ES2022",
    "module": "Node16",
    "lib": ["ES2023"],
    "types": ["node", "mocha"],
    "strict": true,
    "exactOptionalPropertyTypes": true,
    "noUncheckedIndexedAccess": true,
    "experimentalDecorators": true,
    "emitDecoratorMetadata": true,
    "esModuleInterop": true,
    "resolveJsonModule": true,
    "skipLibCheck": true,
    "noEmit": true
  },
  "include": ["**/*.ts"],
  "exclude": ["node_modules", "dist", "build"]
}
`;

/** The manifest is checked and completed while it is typed. */
const EDITOR_SETTINGS = `{
  "json.schemas": [{ "fileMatch": ["/package.json"], "url": "./node_modules/@sluice/sdk/schema/package.schema.json" }]
}
`;

/** Breakpoints in the sources: the code that \`sluice dev\` deploys carries their map. */
const EDITOR_LAUNCH = `{
  "version": "0.2.0",
  "configurations": [
    {
      "name": "Attach to sluice (started with --inspect)",
      "type": "node",
      "request": "attach",
      "port": 9229,
      "resolveSourceMapLocations": null
    }
  ]
}
`;

function activator(symbolicName: string): string {
  return `/** Bundle \`${symbolicName}\`: connects the greeter to its routes. */
import { defineBundle, Routes } from '@sluice/sdk';
import { GreetingRoutes } from './adapters/greeting-routes.js';
import { Greeter } from './domain/greeter.js';

export default defineBundle({ components: [Greeter, GreetingRoutes], provides: [Routes] });
`;
}

function contract(symbolicName: string): string {
  return `/** What other bundles may use of this one. Move it into an -api package once another bundle does. */
import { contract, method, Type, type ServiceOf } from '@sluice/sdk';

/** Greets people. */
export const Greeting = contract('${symbolicName}.Greeting', '1.0.0', {
  greet: method([Type.String()], Type.String(), 'Greets somebody by name'),
});
export type GreetingService = ServiceOf<typeof Greeting>;

/** Configuration of this bundle, as its manifest describes it. */
export interface GreetingConfig {
  readonly greeting: string;
}
`;
}

const GREETER = `/** The service. A change of the configuration builds it anew; callers keep their reference. */
import { Component, Context, type BundleContext } from '@sluice/sdk';
import { Greeting, type GreetingConfig, type GreetingService } from '../contract.js';

@Component({ provides: Greeting })
export class Greeter implements GreetingService {
  constructor(@Context() private readonly context: BundleContext<GreetingConfig>) {}

  async greet(name: string): Promise<string> {
    return \`\${this.context.config.greeting}, \${name}!\`;
  }
}
`;

function routes(symbolicName: string): string {
  return `/** The HTTP side. Input and output are checked against the schemas; the OpenAPI document is made of them. */
import { Activate, Component, Reference, reply, route, serveRoutes, Type, type BundleContext } from '@sluice/sdk';
import { Greeting, type GreetingService } from '../contract.js';

@Component()
export class GreetingRoutes {
  constructor(@Reference(Greeting) private readonly greeting: GreetingService) {}

  @Activate()
  start(context: BundleContext): void {
    const greet = route({
      method: 'GET',
      path: '/greetings/:name',
      operationId: 'greet',
      summary: 'Greets somebody by name',
      schemas: {
        params: Type.Object({ name: Type.String({ minLength: 1, maxLength: 100 }) }),
        responses: { 200: Type.Object({ message: Type.String() }) },
      },
      handler: async ({ params }) => reply(200, { message: await this.greeting.greet(params.name) }),
    });
    serveRoutes(context, { title: '${symbolicName}', routes: [greet] });
  }
}
`;
}

function test(symbolicName: string, mount: string): string {
  return `/** The bundle on the real engine, in virtual time. */
import { deepStrictEqual, strictEqual } from 'node:assert';
import { Routes } from '@sluice/sdk';
import { TestRuntime } from '@sluice/kernel/testing';
import definition from '../activator.js';
import { Greeting } from '../contract.js';
import packageJson from '../package.json';

describe('${symbolicName}', () => {
  let runtime: TestRuntime;

  beforeEach(async () => {
    runtime = await TestRuntime.boot();
    const { http, config } = packageJson.sluice;
    await runtime.deploy({ symbolicName: '${symbolicName}', definition, manifest: { http, config } });
  });

  // Fails when anything the bundle acquired is left over.
  afterEach(() => runtime.stop());

  it('greets by name', async () => {
    strictEqual(await runtime.service(Greeting).greet('Lin'), 'Hello, Lin!');
  });

  it('serves one route below ${mount}', () => {
    const sets = runtime.services(Routes).entries();
    deepStrictEqual(
      sets.flatMap(({ service }) => (service.routes ?? []).map(({ method, path }) => \`\${method} \${path}\`)),
      ['GET /greetings/:name'],
    );
  });
});
`;
}

function readme(symbolicName: string, mount: string): string {
  return `# ${symbolicName}

Greets by name: \`GET ${mount}/greetings/:name\`, and the service \`${symbolicName}.Greeting\` for other bundles.

| command | does |
| --- | --- |
| \`npx sluice dev\` | rebuilds and redeploys on each save |
| \`npx sluice test\` | checks the types and runs the tests |
| \`npx sluice pack\` | writes the artifact into \`build/bundles\` |
| \`npx sluice deploy .\` | packs it and replaces the running version without a gap |

Configuration: \`greeting\` (default \`Hello\`), changed at run time by \`npx sluice config set ${symbolicName} greeting=Welcome\`.
`;
}
