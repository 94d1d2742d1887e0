/** A step that lets every order pass and says so in its record: for slots whose real bundle is not installed. */
import type { BundleInfo } from '@sluice/sdk';
import type { Decision, Effect, FactRequest, PipelineStepService, SlotName, StepDescription } from '@sluice/pipeline-api';

/** Provider of last resort: any other step of the slot outranks it. */
export const FALLBACK_RANKING = -1000;

/** Slots in which nothing is checked until their own bundle is installed. */
export const UNCHECKED_SLOTS: readonly SlotName[] = ['channel', 'agreement', 'plan', 'risk', 'authentication', 'points'];

/** Describes a step of this bundle. It keeps nothing for waiting orders, so any version can resume them. */
export function describeStep(slot: SlotName, name: string, bundle: Pick<BundleInfo, 'symbolicName' | 'version'>): StepDescription {
  return { slot, name, providedBy: `${bundle.symbolicName}@${bundle.version}`, resumes: '*' };
}

/** Lets every order pass. */
export class AllowAllStep implements PipelineStepService {
  private readonly description: StepDescription;

  constructor(slot: SlotName, bundle: Pick<BundleInfo, 'symbolicName' | 'version'>) {
    this.description = describeStep(slot, 'AllowAll', bundle);
  }

  describe(): StepDescription {
    return this.description;
  }

  facts(): FactRequest[] {
    return [];
  }

  decide(): Decision {
    return { go: true, record: { allowed: 'all' }, effects: [] };
  }

  conclude(): Effect[] {
    return [];
  }
}
