/**
 * The layout of a data folder has a number, kept in `<folder>/format`. A newer layout is refused, an older one is upgraded step by step,
 * each step durable before the number rises, so that an interrupted upgrade goes on where it stopped.
 */
import { mkdir } from 'node:fs/promises';
import { SluiceError } from '@sluice/sdk';
import { NodeFiles, replaceFile } from './files.js';

/** The layout this kernel writes. */
export const FORMAT = 1;

/** `steps[n]` turns layout n into n + 1. It may run again after a crash in the middle. */
export type UpgradeSteps = Readonly<Record<number, (folder: string) => Promise<void>>>;

/** Layout 0 is a folder without a format file: new, or from before there was one. There is nothing to convert. */
const STEPS: UpgradeSteps = { 0: async () => undefined };

/**
 * Makes the folder when missing, checks its layout and upgrades an older one.
 * @throws SluiceError `DATA_FOLDER_FORMAT`.
 */
export async function checkFormat(folder: string, current: number = FORMAT, steps: UpgradeSteps = STEPS): Promise<void> {
  await mkdir(folder, { recursive: true });
  const found = await readFormat(folder, current);
  for (let format = found; format < current; format += 1) {
    const step = steps[format];
    if (step === undefined) throw refused(folder, String(found), current, 'There is no upgrade from it; use a kernel of its time first.');
    await step(folder);
    await replaceFile(new NodeFiles(), folder, 'format', Buffer.from(`${format + 1}\n`));
  }
}

async function readFormat(folder: string, current: number): Promise<number> {
  const text = (await new NodeFiles().read(`${folder}/format`))?.toString().trim();
  if (text === undefined) return 0;
  if (!/^\d{1,6}$/.test(text)) throw refused(folder, `'${text.slice(0, 40)}'`, current, 'Restore the folder from a backup.');
  if (Number(text) > current) throw refused(folder, text, current, 'Use the kernel that wrote it, or a newer one.');
  return Number(text);
}

function refused(folder: string, found: string, current: number, remedy: string): SluiceError {
  return new SluiceError('DATA_FOLDER_FORMAT', `The data folder '${folder}' has layout ${found}; this kernel reads up to ${current}`, {
    details: { folder, found, current },
    remedy,
  });
}
