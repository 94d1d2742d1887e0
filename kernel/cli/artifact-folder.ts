/** Where artifacts are written and looked for, from the working folder. In a file of its own so that nothing heavy is loaded for it. */
export const ARTIFACT_FOLDER = 'build/bundles';
