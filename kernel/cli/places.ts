/** Where the command line looks for bundles: options, then the environment. Loads the repositories only when they are used. */
import { resolve } from 'node:path';
import type { FetchedArtifact, Repository } from '../repository/repository.js';
import type { Surroundings } from '../repository/locations.js';
import type { NamedArtifact } from './artifacts.js';
import type { CommandContext, CommandInput, OptionSpec } from './command.js';

/** Option of every command that takes packages. */
export const REGISTRY_OPTION: OptionSpec = {
  flags: '--registry <url>',
  summary: 'npm registry (default: $SLUICE_REGISTRY, else the public one)',
};

/** Options of every command that looks for bundles. */
export const PLACE_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--from <places...>',
    summary: 'folders, .tgz files, URLs, or npm: for the registry (default: $SLUICE_REPOSITORIES, else build/bundles)',
  },
  REGISTRY_OPTION,
];

const locations = (): typeof import('../repository/locations.js') =>
  require('../repository/locations.js') as typeof import('../repository/locations.js');

/** What relative paths and `npm:` mean here. The token is read from $SLUICE_REGISTRY_TOKEN, never from the command line. */
export function surroundingsOf(context: CommandContext, input?: CommandInput, folder: string = context.workingFolder): Surroundings {
  const { environment } = context;
  const option = input?.options['registry'];
  const url = typeof option === 'string' ? option : (environment['SLUICE_REGISTRY'] ?? locations().REGISTRY_DEFAULT);
  const token = environment['SLUICE_REGISTRY_TOKEN'];
  return { folder, registry: { url, ...(token === undefined || token === '' ? {} : { token }) } };
}

/** The places to look in. */
export function placesOf(context: CommandContext, input?: CommandInput): readonly string[] {
  const given = input?.options['from'];
  const places = Array.isArray(given) ? (given as string[]) : (context.environment['SLUICE_REPOSITORIES'] ?? 'build/bundles').split(',');
  const isPath = (place: string): boolean => !locations().isRemote(place) && place !== 'npm';
  return places.map((place) => place.trim()).map((place) => (isPath(place) ? resolve(context.workingFolder, place) : place));
}

/** The repositories behind the places. */
export function repositoriesOf(context: CommandContext, input: CommandInput): readonly Repository[] {
  const surroundings = surroundingsOf(context, input);
  return placesOf(context, input).map((place) => locations().openRepository(place, surroundings));
}

/** True for a name that no file or folder has. */
export function isRemoteName(name: string): boolean {
  return name.startsWith('npm:') || /^https?:\/\//.test(name);
}

/** Fetches one artifact by what a user wrote for it. */
export function fetchNamed(context: CommandContext, wanted: string, input?: CommandInput): Promise<FetchedArtifact> {
  return locations().fetchArtifact(wanted, placesOf(context, input), surroundingsOf(context, input));
}

/** A fetched artifact as commands take it. */
export function namedArtifact({ location, bytes, signatures }: FetchedArtifact): NamedArtifact {
  return { file: location, bytes, signatures };
}
