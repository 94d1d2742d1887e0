/**
 * Takes secrets out of what leaves the system for diagnosis: values that are known to be secret, whatever they stand in; values under a key
 * or a schema that says so; and texts that have the form of one. Pure.
 * Always holds: references to secrets (`{ "$env": ... }`, `{ "$file": ... }`) stay, since they tell where a secret is, not what.
 */

const HIDDEN = '***';
/** Shorter values are too common to be looked for in texts; under their key they are hidden all the same. */
const SOUGHT_LENGTH_MIN = 6;
/** Known values looked for; each makes the search a little slower. */
const SOUGHT_MAX = 2_000;
const DEPTH_MAX = 40;

const SECRET_PARTS =
  /passw|passphrase|secret|token|authorization|cookie|credential|private_?-?key|api_?-?key|access_?-?key|signing_?-?key|pin_?-?block|client_?-?key/i;
const SECRET_WORDS = /(?:^|[^a-z])(pin|pwd|pw|cvv2?|cvc|otp|salt)(?:$|[^a-z])/i;

type Schema = Readonly<Record<string, unknown>>;

/** True when values under this key are secrets. */
export function isSecretKey(key: string): boolean {
  return SECRET_PARTS.test(key) || SECRET_WORDS.test(key.replace(/([a-z0-9])([A-Z])/g, '$1-$2'));
}

/** A reference to a secret, as it is written in a configuration. */
export function isSecretReference(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const keys = Object.keys(value);
  return keys.length === 1 && (keys[0] === '$env' || keys[0] === '$file') && typeof Object.values(value)[0] === 'string';
}

interface Form {
  readonly pattern: RegExp;
  readonly replacement: string | ((found: string) => string);
}

// A value after a name, up to where it ends in prose, JSON, a query or a command line.
const VALUE = String.raw`("(?:[^"\\]|\\.)*"|'[^']*'|[^\s"',;&)}\]]+)`;
const NAMES = String.raw`pass(?:word|wd|phrase)|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|client[_-]?secret|pin|otp|cvv2?`;

const FORMS: readonly Form[] = [
  { pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, replacement: '*** private key ***' },
  { pattern: /\beyJ[\w-]{4,}\.[\w-]{4,}\.[\w-]*/g, replacement: HIDDEN },
  { pattern: /\b(Bearer)\s+[\w.~+/=-]{6,}/gi, replacement: `$1 ${HIDDEN}` },
  { pattern: /\b(authorization["']?\s*[:=]\s*["']?(?:Basic|Digest|Negotiate)?)\s+[^\r\n"']+/gi, replacement: `$1 ${HIDDEN}` },
  { pattern: /\b(set-cookie|cookie)(["']?\s*[:=]\s*)[^\r\n"']+/gi, replacement: `$1$2${HIDDEN}` },
  { pattern: /\b([a-z][a-z0-9+.-]*:\/\/[^\s/:@"']*):[^\s@/"']+@/gi, replacement: `$1:${HIDDEN}@` },
  { pattern: new RegExp(String.raw`((?:${NAMES})["']?\s*(?:=|:|\bis\b)\s*)${VALUE}`, 'gi'), replacement: `$1${HIDDEN}` },
  { pattern: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bslt_[\w-]{20,}|\bgh[pousr]_\w{20,}|\bxox[abprs]-[\w-]{10,}/g, replacement: HIDDEN },
  { pattern: /\b[2-6](?:[ -]?\d){13,18}\b/g, replacement: maskedCard },
];

/** Takes secrets out of texts and values. */
export class Redactor {
  readonly #known: RegExp | null;

  /** @param secrets values that must not be seen anywhere. */
  constructor(secrets: Iterable<string> = []) {
    const sought = new Set<string>();
    for (const secret of secrets) {
      if (secret.length < SOUGHT_LENGTH_MIN || sought.size >= SOUGHT_MAX) continue;
      for (const form of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), Buffer.from(secret).toString('base64')])
        sought.add(form);
    }
    // The longest first: a secret may be part of another.
    const parts = [...sought].sort((a, b) => b.length - a.length).map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    this.#known = parts.length === 0 ? null : new RegExp(parts.join('|'), 'g');
  }

  text(text: string): string {
    let safe = this.#known === null ? text : text.replace(this.#known, HIDDEN);
    for (const { pattern, replacement } of FORMS) safe = safe.replace(pattern, replacement as string);
    return safe;
  }

  /** A copy of plain data without secrets, in keys and values. What is not plain becomes text. */
  value(value: unknown, depth = 0): unknown {
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'bigint') return this.text(String(value));
    if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`;
    if (typeof value !== 'object' || value === null) return value;
    if (depth >= DEPTH_MAX) return '[deeper]';
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if (Array.isArray(value)) return value.map((entry) => this.value(entry, depth + 1));
    if (isSecretReference(value)) return value;
    const entries = value instanceof Map ? [...value] : Object.entries(value);
    return Object.fromEntries(
      entries.map(([key, entry]) => {
        const name = String(key);
        return [this.text(name), isSecretKey(name) ? hidden(entry) : this.value(entry, depth + 1)];
      }),
    );
  }
}

/** Flags, absences and references tell nothing; numbers may be a PIN. */
function hidden(value: unknown): unknown {
  if (value === null || value === undefined || typeof value === 'boolean' || isSecretReference(value)) return value;
  // A group of settings may be named after a secret; what is in it is hidden one by one.
  return typeof value === 'object' && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, hidden(entry)]))
    : HIDDEN;
}

function maskedCard(found: string): string {
  const digits = found.replace(/\D/g, '');
  return digits.length >= 14 && digits.length <= 19 && passesLuhn(digits) ? `${digits.slice(0, 6)}${HIDDEN}${digits.slice(-4)}` : found;
}

function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let at = 0; at < digits.length; at += 1) {
    const digit = Number(digits[digits.length - 1 - at]);
    const doubled = at % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** A value of a configuration with the parts hidden that its JSON Schema marks with `"x-secret": true`, at any depth. */
export function hideMarked(value: unknown, schema: unknown): unknown {
  if (!isSchema(schema) || value === undefined || isSecretReference(value)) return value;
  if (schema['x-secret'] === true) return HIDDEN;
  let shown: unknown = value;
  for (const part of partsOf(schema)) shown = hideMarked(shown, part);
  if (Array.isArray(shown)) return shown.map((entry) => hideMarked(entry, schema['items']));
  if (typeof shown !== 'object' || shown === null) return shown;
  return Object.fromEntries(Object.entries(shown).map(([key, entry]) => [key, hideMarked(entry, schemaOf(schema, key))]));
}

/** The texts in a value that its schema, or the name of their key, says are secret. */
export function* markedSecrets(value: unknown, schema: unknown, marked = false): Generator<string> {
  if (typeof value === 'string') {
    if (marked) yield value;
    return;
  }
  if (typeof value === 'number' && marked) return yield String(value);
  if (typeof value !== 'object' || value === null || isSecretReference(value)) return;
  const own = isSchema(schema) ? schema : {};
  for (const part of partsOf(own)) yield* markedSecrets(value, part, marked || part['x-secret'] === true);
  for (const [key, entry] of Object.entries(value)) {
    const below = Array.isArray(value) ? own['items'] : schemaOf(own, key);
    const isMarked = marked || (isSchema(below) && below['x-secret'] === true) || (!Array.isArray(value) && isSecretKey(key));
    yield* markedSecrets(entry, below, isMarked);
  }
}

/** The schema without the values it names for marked parts: a default may be a secret, too. */
export function hideInSchema(schema: unknown, depth = 0): unknown {
  if (Array.isArray(schema)) return depth > DEPTH_MAX ? [] : schema.map((part) => hideInSchema(part, depth + 1));
  if (!isSchema(schema) || depth > DEPTH_MAX) return schema;
  const marked = schema['x-secret'] === true;
  return Object.fromEntries(
    Object.entries(schema).map(([key, part]) =>
      marked && ['default', 'const', 'enum', 'examples'].includes(key) ? [key, HIDDEN] : [key, hideInSchema(part, depth + 1)],
    ),
  );
}

function schemaOf(schema: Schema, key: string): unknown {
  const properties = schema['properties'];
  if (isSchema(properties) && Object.hasOwn(properties, key)) return properties[key];
  return schema['additionalProperties'];
}

function partsOf(schema: Schema): readonly Schema[] {
  return ['anyOf', 'oneOf', 'allOf'].flatMap((word) => (Array.isArray(schema[word]) ? (schema[word] as unknown[]).filter(isSchema) : []));
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
