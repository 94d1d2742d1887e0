/**
 * Bundle `system.deployer`: connects the watched folder to the kernel, to the watcher and to the clock.
 */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { defineBundle, Framework, messageOf } from '@sluice/sdk';
import { ArtifactFolder } from './adapters/artifact-folder.js';
import { watchFolders } from './adapters/folder-watch.js';
import { inspectArchive } from './adapters/gzip.js';
import { StateFile } from './adapters/state-file.js';
import { Answers } from './domain/answers.js';
import { DeployFolder, type FolderSettings } from './domain/deploy-folder.js';
import { ScanLoop, type ScanTimes } from './domain/scan-loop.js';

/** Configuration of this bundle, as its manifest describes it. */
export interface DeployerConfig extends ScanTimes, FolderSettings {
  readonly folder: string;
  readonly watch: boolean;
}

export default defineBundle<DeployerConfig>({
  requires: [Framework],

  async activate(context) {
    const { log, clock, config, bundle } = context;
    const framework = context.reference(Framework);
    const path = config.folder === '' ? framework.dataFolder('deploy') : resolve(config.folder);
    const files = await ArtifactFolder.open(path);
    const state = new StateFile(framework.dataFolder('deployer'), 'answers.json');
    const folder = new DeployFolder(
      {
        files,
        framework,
        log,
        loadAnswers: () => Answers.load(state, path, log),
        inspect: inspectArchive,
        digest: (content) => createHash('sha256').update(content).digest('hex'),
        now: () => clock.now(),
        monotonic: () => clock.monotonic(),
        // Before its switch and after the next one, a revision is not what the framework lists under its name.
        owns: () => framework.bundles().some((one) => one.symbolicName === bundle.symbolicName && one.digest === bundle.digest),
      },
      config,
    );
    const loop = new ScanLoop(clock, config, () => folder.scan());
    context.own('scan of the deploy folder', () => {
      folder.stop();
      // Not awaited: the scan may be deploying the very revision that replaces this one, which waits for this undo.
      void loop.stop();
    });
    if (config.watch) {
      const watch = watchFolders([path], loop.hint, (error) =>
        log.warn(`Cannot watch '${path}' (${messageOf(error)}). Files are found by the scan every ${config.scanPeriodMs} ms`, { error }),
      );
      context.own('watch of the deploy folder', () => watch.close());
    }
    context.onConfigChange((next) => {
      loop.setTimes(next);
      folder.configure(next);
    });
    loop.start();
    loop.hint();
    log.info(`Artifacts put into '${path}' are deployed`, { folder: path });
  },
});
