/**
 * Bundle `system.config`: connects the configuration store to its folder, to the watcher and to the clock.
 * Leaves to the kernel: merging with shipped values, checking against schemas, handing values to bundles.
 */
import { createHash } from 'node:crypto';
import {
  ConfigPlugin,
  ConfigSource,
  defineBundle,
  Framework,
  messageOf,
  Metatype,
  objectClassOf,
  SluiceError,
  type BundleContext,
  type Clock,
  type FrameworkService,
  type MetatypeService,
} from '@sluice/sdk';
import { ConfigFolder } from './adapters/config-folder.js';
import { watchFolders } from './adapters/folder-watch.js';
import { processSecrets } from './adapters/secrets.js';
import { ConfigStore } from './domain/config-store.js';
import { PluginChain } from './domain/plugin-chain.js';
import { ScanLoop } from './domain/scan-loop.js';
import { bundleOf } from './domain/targets.js';
import type { Values } from './domain/value-file.js';

/** Configuration of this bundle, as its manifest describes it. */
export interface ConfigConfig {
  readonly scanPeriodMs: number;
  readonly settleMs: number;
  readonly watch: boolean;
}

export default defineBundle<ConfigConfig>({
  provides: [ConfigSource, Metatype],
  requires: [Framework, { contract: ConfigPlugin, optional: true }],

  async activate(context) {
    const { log, clock, config } = context;
    const framework = context.reference(Framework);
    const folder = await ConfigFolder.open(framework.dataFolder('config'));
    const plugins = new PluginChain({ log, limit: (what, work) => within(clock, what, work) });
    const store = new ConfigStore({
      plugins,
      files: folder,
      secrets: processSecrets,
      log,
      now: () => clock.now(),
      digest: (text) => createHash('sha256').update(text).digest('hex'),
      schemaOf: (bundle) => configOf(framework, bundleOf(bundle))?.schema,
    });
    const loop = new ScanLoop(clock, config, () => store.scan());
    context.own('scan of the configuration folder', () => loop.stop());
    if (config.watch) {
      const watch = watchFolders(folder.watched, loop.hint, (error) =>
        log.warn(
          `Cannot watch the configuration folder (${messageOf(error)}). Changes are found by the scan every ${config.scanPeriodMs} ms`,
          { error },
        ),
      );
      // What happened before the watcher was ready had no event.
      void watch.ready.then(loop.hint);
      context.own('watch of the configuration folder', () => watch.close());
    }
    context.onConfigChange((next) => loop.setTimes(next));
    context.register(ConfigSource, store);
    context.register(Metatype, metatypeOf(framework));
    followPlugins(context, framework, plugins, store);
    loop.start();
  },
});

/** Longest time a plugin may take for one bundle. A start waits for it. */
const PLUGIN_MS_MAX = 5_000;

/** A plugin that comes, goes or changes may mean other values for every bundle that runs. */
function followPlugins(context: BundleContext<ConfigConfig>, framework: FrameworkService, plugins: PluginChain, store: ConfigStore): void {
  const touchAll = (): void => {
    for (const { symbolicName } of framework.bundles()) if (configOf(framework, symbolicName) !== undefined) store.touch(symbolicName);
  };
  context.track(ConfigPlugin, {
    added: (plugin, view) => {
      plugins.add(plugin, view, (bundle) => store.touch(bundle));
      touchAll();
    },
    modified: (_plugin, view) => {
      plugins.modify(view);
      touchAll();
    },
    removed: (_plugin, view) => {
      plugins.remove(view);
      touchAll();
    },
  });
}

function metatypeOf(framework: FrameworkService): MetatypeService {
  return {
    bundles: () =>
      framework
        .bundles()
        .map(({ symbolicName }) => symbolicName)
        .filter((bundle) => configOf(framework, bundle) !== undefined)
        .sort(),
    describe: (bundle) => {
      const config = configOf(framework, bundle);
      return config === undefined ? undefined : objectClassOf(bundle, config);
    },
  };
}

async function within<T>(clock: Clock, what: string, work: () => Promise<T>): Promise<T> {
  let late: (error: SluiceError) => void = () => undefined;
  const limit = new Promise<never>((_resolve, reject) => (late = reject));
  const timer = clock.setTimeout(
    () => late(new SluiceError('CONFIG_PLUGIN_SLOW', `${what} took longer than ${PLUGIN_MS_MAX} ms`)),
    PLUGIN_MS_MAX,
  );
  try {
    return await Promise.race([work(), limit]);
  } finally {
    timer.cancel();
  }
}

// Asked at each change, not once: a bundle may be installed after its configuration was written.
function configOf(framework: FrameworkService, bundle: string): { readonly schema: Values; readonly defaults?: Values } | undefined {
  const section = framework.manifest(bundle)?.['sluice'] as { config?: { schema: Values; defaults?: Values } } | undefined;
  return section?.config;
}
