/** Versions of kernel and SDK, as their package.json tells. */
export function versions(): { readonly kernel: string; readonly sdk: string } {
  const kernel = require('@sluice/kernel/package.json') as { version: string };
  const sdk = require('@sluice/sdk/package.json') as { version: string };
  return { kernel: kernel.version, sdk: sdk.version };
}
