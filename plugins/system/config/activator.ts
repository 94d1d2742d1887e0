/**
 * Bundle `system.config`: connects the configuration store to its folder, to the watcher and to the clock.
 * Leaves to the kernel: merging with shipped values, checking against schemas, handing values to bundles.
 */
import { createHash } from 'node:crypto';
import { ConfigSource, defineBundle, Framework, messageOf, type FrameworkService } from '@sluice/sdk';
import { ConfigFolder } from './adapters/config-folder.js';
import { watchFolders } from './adapters/folder-watch.js';
import { processSecrets } from './adapters/secrets.js';
import { ConfigStore } from './domain/config-store.js';
import { ScanLoop } from './domain/scan-loop.js';

/** Configuration of this bundle, as its manifest describes it. */
export interface ConfigConfig {
  readonly scanPeriodMs: number;
  readonly settleMs: number;
  readonly watch: boolean;
}

export default defineBundle<ConfigConfig>({
  provides: [ConfigSource],
  requires: [Framework],

  async activate(context) {
    const { log, clock, config } = context;
    const framework = context.reference(Framework);
    const folder = await ConfigFolder.open(framework.dataFolder('config'));
    const store = new ConfigStore({
      files: folder,
      secrets: processSecrets,
      log,
      now: () => clock.now(),
      digest: (text) => createHash('sha256').update(text).digest('hex'),
      schemaOf: (bundle) => schemaOf(framework, bundle),
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
    loop.start();
  },
});

// Asked at each change, not once: a bundle may be installed after its configuration was written.
function schemaOf(framework: FrameworkService, bundle: string): Readonly<Record<string, unknown>> | undefined {
  const section = framework.manifest(bundle)?.['sluice'] as { config?: { schema?: Record<string, unknown> } } | undefined;
  return section?.config?.schema;
}
