/**
 * The process in which built bundles are evaluated to read their definitions. Started by definition-reader.ts, answers one
 * request after the other. Nothing of a bundle is activated here, only its module scope runs.
 */
import { readFileSync } from 'node:fs';
import { createRequire, SourceMap } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { compileFunction } from 'node:vm';
import { isSluiceError, messageOf } from '@sluice/sdk';
import { readDefinition, type DefinitionReading } from './contracts.js';

/** Asks for the definition of one built file. */
export interface EvaluationRequest {
  readonly id: number;
  /** Path of the built file; its source map lies beside it. */
  readonly file: string;
}

/** The answer. */
export type EvaluationAnswer =
  | { readonly id: number; readonly derived: DefinitionReading }
  | { readonly id: number; readonly code: string; readonly message: string; readonly remedy?: string; readonly place?: string };

// Modules of the host come from where the tool-chain is installed, not from the bundle's folder: the running kernel decides likewise.
const hostRequire = createRequire(__filename);

process.on('message', (request: EvaluationRequest) => process.send?.(answer(request)));
process.on('disconnect', () => process.exit(0));

function answer(request: EvaluationRequest): EvaluationAnswer {
  try {
    return { id: request.id, derived: readDefinition(evaluate(request.file)) };
  } catch (error) {
    const place = placeOf(error, request.file);
    const own = isSluiceError(error);
    return {
      id: request.id,
      code: own && error.code.startsWith('BUILD_') ? error.code : 'BUILD_EVALUATION_FAILED',
      message: own ? messageOf(error) : `the bundle throws while it is loaded: ${messageOf(error)}`,
      ...(own && error.remedy !== undefined ? { remedy: error.remedy } : {}),
      ...(place === undefined ? {} : { place }),
    };
  }
}

function evaluate(file: string): unknown {
  const run = compileFunction(readFileSync(file, 'utf8'), ['exports', 'require', 'module', '__filename', '__dirname'], { filename: file });
  const module: { exports: Record<string, unknown> } = { exports: {} };
  Reflect.apply(run, module.exports, [module.exports, hostRequire, module, file, dirname(file)]);
  return module.exports['default'];
}

/** Source position of the first frame that lies in the built file. */
function placeOf(error: unknown, file: string): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const at = stack.indexOf(`${file}:`);
  const position = at < 0 ? null : /^(\d+):(\d+)/.exec(stack.slice(at + file.length + 1));
  if (position === null) return undefined;
  try {
    const map = new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')));
    const entry = map.findEntry(Number(position[1]) - 1, Number(position[2]) - 1);
    if (!('originalSource' in entry)) return undefined;
    const source = relative(dirname(dirname(file)), join(dirname(file), entry.originalSource));
    return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  } catch {
    // A missing or odd map only costs the position; the error itself is reported.
    return undefined;
  }
}
