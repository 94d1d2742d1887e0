/** The words of the kernel: versions, ranges, filters, manifests, states. Pure; everything else in the kernel builds on it. */
export * from './contract-range.js';
export * from './filter.js';
export { diagnosisFiles, type DiagnosisFile } from './diagnosis.js';
export type * from './manifest.js';
export { MAIN_DEFAULT, parseManifest } from './manifest-parse.js';
export { isEntryPath } from './manifest-rules.js';
export { manifestError, MISTAKES_MAX, type Mistake, type MistakeCode } from './mistake.js';
export { nearestNames } from './nearest.js';
export { parseRange, type VersionRange } from './range.js';
export { hideInSchema, hideMarked, markedSecrets, Redactor } from './redaction.js';
export * from './release.js';
export * from './state.js';
export { effectiveTier, isWeaker, TIERS, type Tier } from './tier.js';
export { Version } from './version.js';
