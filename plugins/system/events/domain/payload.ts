/**
 * One frozen copy of a payload for all handlers: what one of them, or the publisher, changes later reaches nobody else.
 */
import { messageOf, SluiceError } from '@sluice/sdk';

/**
 * Copies and freezes a payload.
 * @throws SluiceError `EVENT_PAYLOAD_INVALID` for what cannot be cloned, such as functions.
 */
export function frozenCopy(topic: string, payload: unknown): unknown {
  let copy: unknown;
  try {
    copy = structuredClone(payload);
  } catch (error) {
    throw new SluiceError('EVENT_PAYLOAD_INVALID', `Cannot publish to '${topic}': the payload cannot be cloned (${messageOf(error)})`, {
      details: { topic },
      remedy: 'Publish plain data: no functions, no live objects.',
      cause: error,
    });
  }
  freeze(copy);
  return copy;
}

// Not recursive: a payload nested a thousand levels deep is data, too.
function freeze(root: unknown): void {
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    // Views of bytes cannot be frozen.
    if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) continue;
    Object.freeze(value);
    for (const part of Object.values(value)) waiting.push(part);
  }
}
