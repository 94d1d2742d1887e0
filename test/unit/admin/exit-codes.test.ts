/** Outcomes and error codes to exit codes, and the framing of artifacts. */
import { deepStrictEqual, throws } from 'node:assert';
import { SluiceError } from '@sluice/sdk';
import type { ChangeOutcome } from '@sluice/kernel/admin/contract';
import { EXIT, exitCodeOfError, exitCodeOfOutcome } from '@sluice/kernel/admin/exit-codes';
import { readFrames, writeFrames } from '@sluice/kernel/admin/frames';
import { errorOfProblem, problemOf } from '@sluice/kernel/admin/problems';
import fc from 'fast-check';

const PLAN = { generation: 1, changes: [], rebinds: [], restarts: [], routes: [], problems: [] };
const OUTCOME: ChangeOutcome = { deployId: 'd', outcome: 'committed', generation: 2, plan: PLAN, timings: {}, onTrial: false };
const problem = (code: string) => ({ code, message: 'm', details: {} });

describe('exit codes', () => {
  it('tell how a change ended', () => {
    const cases: readonly (readonly [ChangeOutcome, number])[] = [
      [OUTCOME, EXIT.ok],
      [{ ...OUTCOME, plan: { ...PLAN, problems: [problem('WARNED')] } }, EXIT.ok],
      [{ ...OUTCOME, outcome: 'planned' }, EXIT.ok],
      [{ ...OUTCOME, outcome: 'planned', plan: { ...PLAN, problems: [problem('RESOLVE_FAILED')] } }, EXIT.refused],
      [{ ...OUTCOME, outcome: 'refused' }, EXIT.refused],
      [{ ...OUTCOME, outcome: 'refused', error: problem('RESOLVE_FAILED') }, EXIT.refused],
      [{ ...OUTCOME, outcome: 'refused', error: problem('GENERATION_CONFLICT') }, EXIT.conflict],
      [{ ...OUTCOME, outcome: 'refused', error: problem('BUNDLE_UNKNOWN') }, EXIT.notFound],
      [{ ...OUTCOME, outcome: 'rolled-back', error: problem('PROBATION_FAILED') }, EXIT.rolledBack],
    ];
    deepStrictEqual(
      cases.map(([outcome]) => exitCodeOfOutcome(outcome)),
      cases.map(([, code]) => code),
    );
  });

  it('tell what kind of error it was', () => {
    const cases: readonly (readonly [string, number, number])[] = [
      ['KERNEL_NOT_RUNNING', 500, EXIT.notRunning],
      ['USAGE_DURATION', 400, EXIT.usage],
      ['BUILD_REFUSED', 500, EXIT.buildFailed],
      ['BUILD_PACKAGE_MISSING', 404, EXIT.buildFailed],
      ['DATA_FOLDER_LOCKED', 500, EXIT.conflict],
      ['GENERATION_CONFLICT', 500, EXIT.conflict],
      ['BACKUP_EXISTS', 409, EXIT.conflict],
      ['BUNDLE_UNKNOWN', 500, EXIT.notFound],
      ['ARCHIVE_TRUNCATED', 422, EXIT.refused],
      ['UNEXPECTED', 500, EXIT.unexpected],
    ];
    deepStrictEqual(
      cases.map(([code, status]) => exitCodeOfError(code, status)),
      cases.map(([, , exit]) => exit),
    );
  });
});

describe('problems', () => {
  it('carry an error over the wire and back', () => {
    const error = new SluiceError('BUNDLE_UNKNOWN', "Bundle 'x' is not installed", { details: { nearest: ['y'] }, remedy: 'Name another' });
    const back = errorOfProblem(JSON.parse(JSON.stringify(problemOf(error))) as ReturnType<typeof problemOf>);
    deepStrictEqual(
      [back.code, back.message, back.details, back.remedy, back.httpStatus],
      ['BUNDLE_UNKNOWN', "Bundle 'x' is not installed", { nearest: ['y'] }, 'Name another', 404],
    );
    deepStrictEqual(problemOf(new TypeError('boom')), {
      type: 'urn:sluice:error:UNEXPECTED',
      title: 'Internal Server Error',
      status: 500,
      detail: 'boom',
      code: 'UNEXPECTED',
      message: 'boom',
      details: {},
    });
  });
});

describe('framed artifacts', () => {
  it('come out as they went in', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 10 }), (artifacts) => {
        deepStrictEqual(
          readFrames(writeFrames(artifacts)).map((part) => [...part]),
          artifacts.map((part) => [...part]),
        );
      }),
    );
  });

  it('are refused, with the place, when anything is cut off or claims too much', () => {
    const whole = writeFrames([Buffer.from('abc'), Buffer.from('de')]);
    const broken = [...whole.keys()].filter((end) => end !== 0 && end !== 7);
    for (const end of broken) throws(() => readFrames(whole.subarray(0, end)), { code: 'ADMIN_BODY_INVALID', httpStatus: 400 });
    throws(() => readFrames(Buffer.from([0, 0, 0, 0])), { details: { index: 0, offset: 0 } });
    throws(() => readFrames(Buffer.from([255, 255, 255, 255])), { code: 'ADMIN_BODY_INVALID' });
    throws(() => readFrames(writeFrames(new Array<Buffer>(201).fill(Buffer.from('x')))), { code: 'ADMIN_BODY_INVALID' });
  });
});
