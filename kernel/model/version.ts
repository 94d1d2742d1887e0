/** First cut. */
/** A version. */
export declare class Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  readonly prerelease: readonly (string | number)[];
  readonly qualifier: string;
  readonly build: string;
  /** Parses npm (`1.2.3-rc.1+b`) or OSGi (`1`, `1.2`, `1.2.3.q`) notation. @throws SluiceError `VERSION_INVALID` */
  static parse(text: string): Version;
  /** Like {@link parse}, undefined instead of throwing. */
  static tryParse(text: string): Version | undefined;
  compare(other: Version): number;
  toString(): string;
}
