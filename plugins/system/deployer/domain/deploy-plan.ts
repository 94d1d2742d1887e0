/**
 * Deploys the files of one scan. All in one plan first, so that bundles that need each other come together; when that is refused, one by
 * one in rounds as long as one succeeds, so that a bad file does not hold up good ones.
 */
import type { DeployOptions, DeployOutcome } from '@sluice/sdk';

/** A settled, complete file. */
export interface ReadyFile {
  readonly name: string;
  /** Of content and signatures: what is answered once. */
  readonly digest: string;
  readonly content: Uint8Array;
  /** The signature file beside it. */
  readonly signatures: Uint8Array | null;
}

/** Asks the kernel. */
export type Deploy = (artifacts: readonly Uint8Array[], options: DeployOptions) => Promise<DeployOutcome>;

/** Told about each file once, when its answer is final. */
export type Answered = (file: ReadyFile, outcome: DeployOutcome) => Promise<void>;

const byName = new Intl.Collator('en', { numeric: true });

/** Deploys files and tells about each. Rejects when the kernel cannot answer; files not told about are then still open. */
export async function deployFiles(
  files: readonly ReadyFile[],
  deploy: Deploy,
  options: Pick<DeployOptions, 'watchMs'>,
  answered: Answered,
): Promise<void> {
  const together = [...files].sort((a, b) => byName.compare(a.name, b.name));
  const ask = (some: readonly ReadyFile[]): Promise<DeployOutcome> => {
    const signatures = some.flatMap((file) => file.signatures ?? []);
    return deploy(
      some.map((file) => file.content),
      { ...options, actor: `folder:${some.map((file) => file.name).join(',')}`, ...(signatures.length === 0 ? {} : { signatures }) },
    );
  };
  const whole = await ask(together);
  if (whole.outcome !== 'refused' || together.length === 1) {
    for (const file of together) await answered(file, whole);
    return;
  }
  let open = together;
  while (open.length > 0) {
    const refused: [ReadyFile, DeployOutcome][] = [];
    for (const file of open) {
      const outcome = await ask([file]);
      if (outcome.outcome === 'refused') refused.push([file, outcome]);
      else await answered(file, outcome);
    }
    if (refused.length === open.length) {
      for (const [file, outcome] of refused) await answered(file, outcome);
      return;
    }
    open = refused.map(([file]) => file);
  }
}
