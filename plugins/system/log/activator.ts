/**
 * Bundle `system.log`: connects the log sink to its file, to standard output and to configuration.
 * Leaves to the kernel: collecting records, and replaying those from before this bundle started.
 */
import { isatty } from 'node:tty';
import { defineBundle, Framework, LogSink, messageOf, type BundleContext, type LogLevel } from '@sluice/sdk';
import { DescriptorTarget, STANDARD_ERROR, STANDARD_OUTPUT } from './adapters/descriptor.js';
import { PinoSink, type SinkSettings } from './adapters/pino-sink.js';
import { LOG_FILE_NAME, RotatingFile, type RotationLimits } from './adapters/rotating-file.js';
import { BufferedLines, type LineFaults } from './domain/buffered-lines.js';

/** Configuration of this bundle, as its manifest describes it. */
export interface LogConfig extends SinkSettings, RotationLimits {
  readonly level: LogLevel;
  readonly bufferBytesMax: number;
}

/** Lines that may wait for a terminal nobody reads. */
const TERMINAL_BYTES_MAX = 1_048_576;

export default defineBundle<LogConfig>({
  provides: [LogSink],
  requires: [Framework],

  activate(context) {
    const folder = context.reference(Framework).dataFolder('log');
    const file = new RotatingFile(folder, context.config);
    const fileLines = new BufferedLines(file, faultsOf(context, folder), () => context.clock.monotonic(), context.config.bufferBytesMax);
    context.own('log file', () => fileLines.close());

    // Nobody is told about a closed terminal: there is nowhere left to tell it.
    const quiet = { failed: () => undefined, recovered: () => undefined };
    const terminal = new BufferedLines(new DescriptorTarget(STANDARD_OUTPUT), quiet, () => context.clock.monotonic(), TERMINAL_BYTES_MAX);
    context.own('log on standard output', () => terminal.close());

    const sink = new PinoSink(fileLines, terminal, isatty(STANDARD_OUTPUT), context.config);
    context.register(LogSink, sink);
    context.onConfigChange((config) => {
      sink.configure(config);
      file.setLimits(config);
      fileLines.setBytesMax(config.bufferBytesMax);
    });
  },
});

// Through standard error, not the log: the log is what does not work.
function faultsOf(context: BundleContext<LogConfig>, folder: string): LineFaults {
  const quiet = { failed: () => undefined, recovered: () => undefined };
  const errors = new BufferedLines(new DescriptorTarget(STANDARD_ERROR), quiet, () => context.clock.monotonic(), TERMINAL_BYTES_MAX);
  const told = (text: string): void => errors.write(`system.log: ${text}\n`);
  return {
    failed: (error) =>
      told(
        `cannot write '${folder}/${LOG_FILE_NAME}' (${messageOf(error)}). Lines are kept in memory; free or mount the disk, nothing else is needed.`,
      ),
    recovered: (dropped) => told(`the log file is written again; ${dropped} lines were lost.`),
  };
}
