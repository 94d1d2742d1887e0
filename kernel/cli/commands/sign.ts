/** `sluice sign`: adds a signature to the .sig file beside each artifact. */
import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { EXIT, type ExitCode } from '../../admin/exit-codes.js';
import { readArchive } from '../../host/archive.js';
import { manifestError, parseManifest } from '../../model/index.js';
import { readPrivateKey } from '../../trust/key.js';
import { decodeSignatures, encodeSignatures, mergeSignatures, signClaim, type SignerRole } from '../../trust/signature.js';
import { collectArtifacts, type NamedArtifact } from '../artifacts.js';
import type { CommandContext, CommandInput } from '../command.js';
import { printable } from '../terminal.js';
import { optionalText, passphraseOf, requiredText } from '../trust-options.js';

/** Runs the command. */
export async function sign(context: CommandContext, input: CommandInput): Promise<ExitCode> {
  const file = resolve(context.workingFolder, requiredText(input, 'key', '--key ci.key.pem'));
  const key = readPrivateKey(await readFile(file, 'utf8'), await passphraseOf(context, input));
  const role = (optionalText(input, 'role') ?? 'build') as SignerRole;
  for (const artifact of await collectArtifacts(context, input.arguments)) {
    const signature = signClaim({ ...claimOf(artifact), role, keyId: key.id, at: new Date().toISOString() }, key.key);
    const target = `${artifact.file}.sig`;
    // Signatures of an earlier build of the same file name are of no use beside it.
    const kept = artifact.signatures === null ? [] : decodeSignatures(artifact.signatures).filter((one) => one.digest === signature.digest);
    await writeFile(`${target}.part`, encodeSignatures(mergeSignatures(kept, [signature])));
    await rename(`${target}.part`, target);
    const text = `Signed ${signature.bundle} ${signature.version} as ${role} with key ${key.id}: ${target}`;
    context.terminal.out(context.json ? JSON.stringify({ ...signature, file: target }) : printable(text));
  }
  return EXIT.ok;
}

/** What is signed: whoever signs reads the artifact as strictly as the kernel will. */
function claimOf({ file, bytes }: NamedArtifact): { readonly digest: string; readonly bundle: string; readonly version: string } {
  const result = parseManifest(readArchive(bytes).packageJson);
  if (!result.ok) throw manifestError(file, result.mistakes);
  const { symbolicName, versionText } = result.manifest;
  return { digest: createHash('sha256').update(bytes).digest('hex'), bundle: symbolicName, version: versionText };
}
