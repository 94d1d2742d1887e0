/** A typed client. */
export class AdminClient {
  constructor(
    readonly dataFolder: string,
    readonly actor: string,
  ) {}
}
