/** Version of the kernel, as its package.json tells. */
export function kernelVersion(): string {
  return (require('@sluice/kernel/package.json') as { version: string }).version;
}
