/** The service registry: what the life cycle, the component runtime and the tools may import. */
export { ServiceRegistry } from './registry.js';
export type {
  FactoryRegistration,
  Handle,
  ListHandle,
  OptionalHandle,
  ReferenceHandle,
  ReferenceRequest,
  RegisteredService,
  RegistryCounts,
  RegistryOptions,
  RevisionOwner,
  ServiceEvent,
  ServiceEventType,
  ServiceScope,
  Stage,
} from './types.js';
