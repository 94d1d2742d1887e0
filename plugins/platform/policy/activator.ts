/**
 * Bundle `platform.policy`: a plain provider for every slot of the money pipeline. Each ranks below any other step, so that the
 * bundle of a real limit, fee or risk system takes over its slot by being started, and hands it back by being stopped.
 */
import { defineBundle } from '@sluice/sdk';
import { PipelineStep } from '@sluice/pipeline-api';
import { AllowAllStep, FALLBACK_RANKING, UNCHECKED_SLOTS } from './allow-all-step.js';
import type { PolicyConfig } from './config.js';
import { ConfiguredFeeStep } from './configured-fee-step.js';
import { OrderCeilingStep } from './order-ceiling-step.js';
import { OrderEventStep } from './order-event-step.js';

export default defineBundle<PolicyConfig>({
  components: [OrderCeilingStep, ConfiguredFeeStep, OrderEventStep],
  provides: [PipelineStep],

  activate(context) {
    for (const slot of UNCHECKED_SLOTS) {
      context.register(PipelineStep, new AllowAllStep(slot, context.bundle), { slot, 'service.ranking': FALLBACK_RANKING });
    }
  },
});
