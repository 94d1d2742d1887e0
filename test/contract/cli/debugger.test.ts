/** A debugger and a bundle under development: breakpoints in the author's file bind to the code that runs. */
import { deepStrictEqual, match, strictEqual } from 'node:assert';
import { Session } from 'node:inspector/promises';
import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DevSession } from '@sluice/kernel/cli/dev-session';
import { TestRuntime } from '@sluice/kernel/testing';
import { ROOT } from '../../support/system.js';

describe('debugger', function () {
  this.timeout(30_000);

  it('finds the author’s file behind the code of `sluice dev`, line by line', async () => {
    const folder = join(ROOT, 'docs/examples/service-provider');
    const runtime = await TestRuntime.boot({ time: 'real' });
    const client = { deploy: (artifacts: readonly Uint8Array[]) => runtime.kernel.deploy(artifacts, { actor: 'test', watchMs: 0 }) };
    const session = new DevSession(folder, client as never);
    const inspector = new Session();
    inspector.connect();
    try {
      const parsed: { url: string; sourceMapURL: string }[] = [];
      inspector.on('Debugger.scriptParsed', ({ params }) => {
        if (params.url.startsWith('bundle://example.rates@')) parsed.push({ url: params.url, sourceMapURL: params.sourceMapURL ?? '' });
      });
      await inspector.post('Debugger.enable');
      const turn = await session.turn(Date.now());
      strictEqual('error' in turn ? turn.error : undefined, undefined);
      const script = parsed.at(-1);
      match(script?.url ?? '', /^bundle:\/\/example\.rates@1\.0\.0-dev\.\d+\/dist\/bundle\.cjs$/);

      const [, encoded = ''] = /^data:application\/json;charset=utf-8;base64,(.+)$/.exec(script?.sourceMapURL ?? '') ?? [];
      const payload = JSON.parse(Buffer.from(encoded, 'base64').toString()) as SourceMapPayload;
      const file = join(folder, 'activator.ts');
      const line = readFileSync(file, 'utf8')
        .split('\n')
        .findIndex((text) => text.includes("'RATE_UNKNOWN'"));
      const generated = generatedLines(payload, pathToFileURL(file).href, line);
      const bound = await Promise.all(
        generated.map((lineNumber) => inspector.post('Debugger.setBreakpointByUrl', { url: script?.url ?? '', lineNumber })),
      );
      deepStrictEqual(
        bound.map(({ locations }) => locations.length),
        generated.map(() => 1),
      );
      strictEqual(generated.length > 0, true);
    } finally {
      await inspector.post('Debugger.disable');
      inspector.disconnect();
      session.close();
      await runtime.stop();
    }
  });
});

/** Lines of the generated code that come from a line of a source, counted from 0. */
function generatedLines(payload: SourceMapPayload, source: string, line: number): number[] {
  const map = new SourceMap(payload);
  const lines: number[] = [];
  for (let generated = 0; generated < payload.mappings.split(';').length; generated += 1) {
    for (const column of [0, 2, 4, 8]) {
      const entry = map.findEntry(generated, column);
      if (!('originalSource' in entry) || entry.originalSource !== source || entry.originalLine !== line) continue;
      lines.push(generated);
      break;
    }
  }
  return lines;
}
