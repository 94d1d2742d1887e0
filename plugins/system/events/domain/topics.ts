/** Topics and the patterns of handlers. A pattern is a topic, or ends with `/*` and takes everything below; `*` takes all. Pure. */
import { SluiceError, type EventHandlerService, type ServiceView } from '@sluice/sdk';

const TOPIC = /^[\w.-]+(\/[\w.-]+)*$/;
const TOPIC_LENGTH_MAX = 200;

/** True for a topic an event may have. */
export function isTopic(topic: string): boolean {
  return topic.length <= TOPIC_LENGTH_MAX && TOPIC.test(topic);
}

/** True when a handler with this pattern gets events of this topic. */
export function matchesTopic(pattern: string, topic: string): boolean {
  if (pattern === '*') return true;
  return pattern.endsWith('/*') ? topic.startsWith(pattern.slice(0, -1)) : topic === pattern;
}

/** @throws SluiceError `EVENT_TOPIC_INVALID` */
export function checkTopic(topic: unknown): void {
  if (typeof topic === 'string' && isTopic(topic)) return;
  const found = String(topic).slice(0, TOPIC_LENGTH_MAX);
  throw new SluiceError('EVENT_TOPIC_INVALID', `Cannot publish to '${found}': expected a topic such as 'bank/transfer/posted'`, {
    details: { topic: found },
    remedy: 'Use words of letters, digits, dots and dashes, separated by slashes.',
  });
}

/**
 * Refuses a handler that could get no events.
 * @throws SluiceError `EVENT_HANDLER_INVALID` with all mistakes.
 */
export function checkHandler(handler: EventHandlerService, bundle: string): void {
  const { topic, name, delivery, timeoutMs } = handler;
  const mistakes: string[] = [];
  if (typeof name !== 'string' || name === '') mistakes.push("found no name, expected a stable name such as 'notice-mailer'");
  if (typeof topic !== 'string' || !isPattern(topic)) mistakes.push(`found topic '${topic}', expected 'a/b', 'a/*' or '*'`);
  if (delivery !== 'transient' && delivery !== 'durable')
    mistakes.push(`found delivery '${delivery as string}', expected 'transient' or 'durable'`);
  if (timeoutMs !== undefined && !(timeoutMs > 0)) mistakes.push(`found timeoutMs ${timeoutMs}, expected more than 0`);
  if (typeof handler.handle !== 'function') mistakes.push("found no function 'handle'");
  if (mistakes.length === 0) return;
  throw invalid(bundle, name, mistakes);
}

/**
 * Refuses handlers of one bundle that share a name: a name is the key under which durable events count as handled.
 * @throws SluiceError `EVENT_HANDLER_INVALID`
 */
export function checkHandlers(handlers: readonly { readonly service: EventHandlerService; readonly view: ServiceView }[]): void {
  const names = new Set<string>();
  for (const { service, view } of handlers) {
    checkHandler(service, view.bundle);
    const name = `${view.bundle}@${view.bundleVersion}/${service.name}`;
    if (names.has(name)) throw invalid(view.bundle, service.name, ['found two handlers of this name, expected one']);
    names.add(name);
  }
}

function isPattern(pattern: string): boolean {
  return pattern === '*' || isTopic(pattern.endsWith('/*') ? pattern.slice(0, -2) : pattern);
}

function invalid(bundle: string, name: string, mistakes: readonly string[]): SluiceError {
  return new SluiceError('EVENT_HANDLER_INVALID', `Cannot use event handler '${name}' of '${bundle}': ${mistakes.join('; ')}`, {
    details: { bundle, handler: name, mistakes },
    remedy: 'Correct the handler where the bundle registers it.',
  });
}
