/** Durations, sizes and times as the command line reads and writes them. */
import { deepStrictEqual, throws } from 'node:assert';
import { formatBytes, formatDuration, formatTime, formatVersions, parseDuration, parseWhole } from '@sluice/kernel/cli/format';

describe('format', () => {
  it('reads durations with units, and seconds without', () => {
    deepStrictEqual(
      ['0', '30', '500ms', '1.5s', '2m', '1h', '24h'].map((text) => parseDuration('watch', text)),
      [0, 30_000, 500, 1_500, 120_000, 3_600_000, 86_400_000],
    );
    for (const text of ['', 'soon', '-1s', '1d', '25h', '1e3', '1 s 2']) {
      throws(() => parseDuration('watch', text), {
        code: 'USAGE_DURATION',
        message: `Cannot read --watch '${text}': expected a duration of at most 24h`,
      });
    }
  });

  it('reads whole numbers only', () => {
    deepStrictEqual(parseWhole('limit', '42'), 42);
    for (const text of ['', '-1', '1.5', 'x', '1'.repeat(16)]) throws(() => parseWhole('limit', text), { code: 'USAGE_NUMBER' });
  });

  it('writes durations in at most two units', () => {
    deepStrictEqual([0, 0.44, 9.96, 42.4, 999, 1_300, 59_999, 60_000, 125_000, 3_600_000, 172_800_000 + 3_600_000].map(formatDuration), [
      '0 ms',
      '0.4 ms',
      '10 ms',
      '42 ms',
      '999 ms',
      '1.3 s',
      '59.9 s',
      '1 m 0 s',
      '2 m 5 s',
      '1 h 0 m',
      '2 d 1 h',
    ]);
  });

  it('writes sizes with one decimal', () => {
    deepStrictEqual([0, 999, 1_000, 1_540, 999_949, 999_950, 5e9].map(formatBytes), [
      '0 B',
      '999 B',
      '1.0 kB',
      '1.5 kB',
      '999.9 kB',
      '1.0 MB',
      '5.0 GB',
    ]);
  });

  it('writes changes of versions', () => {
    deepStrictEqual(
      [formatVersions(null, '1.0.0'), formatVersions('1.0.0', null), formatVersions('1.0.0', '1.1.0'), formatVersions('1.0.0', '1.0.0')],
      ['new 1.0.0', '1.0.0 removed', '1.0.0 → 1.1.0', '1.0.0'],
    );
  });

  it('writes local time, and a dash for what is no time', () => {
    const at = new Date(2026, 10, 25, 10, 42, 7, 5).getTime();
    deepStrictEqual([formatTime(at), formatTime(at, true), formatTime(NaN)], ['2026-11-25 10:42:07', '2026-11-25 10:42:07.005', '-']);
  });
});
