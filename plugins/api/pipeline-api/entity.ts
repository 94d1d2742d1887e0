/** Entities: tables of a step's bundle that the executor may read rows of and insert rows into, declared as data. */
import { localContract } from '@sluice/sdk';

/** One table and the columns the pipeline may touch. Registered as a whiteboard service. */
export interface PipelineEntityDefinition {
  /** Name used in facts and effects, e.g. `platform.limit.Use`. */
  readonly name: string;
  /** Full name of the table, as `DataService.table` gives it. */
  readonly table: string;
  /** Column that `FactRequest.key` is compared with. */
  readonly keyColumn: string;
  /** All columns, key included. An effect may leave some out. */
  readonly columns: readonly string[];
}

/** Contract of entity declarations. */
export const PipelineEntity = localContract<PipelineEntityDefinition>('pipeline.Entity', '1.0.0', []);
