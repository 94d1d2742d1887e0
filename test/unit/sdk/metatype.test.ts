/** Metatype (OSGi Compendium 8, chapter 105) from the JSON Schema of a configuration. */
import { deepStrictEqual as equal } from 'node:assert';
import { CARDINALITY_UNLIMITED, factoryOfKey, objectClassOf, schemaOfKey } from '@sluice/sdk';

const schema = {
  type: 'object',
  title: 'Gateway',
  description: 'Talks to the network.',
  required: ['url', 'port', 'token'],
  properties: {
    url: { type: 'string', title: 'Address', description: 'Of the network.', minLength: 8, pattern: '^https:' },
    port: { type: 'integer', minimum: 1, maximum: 65_535, default: 443 },
    ratio: { type: ['number', 'null'] },
    fast: { type: 'boolean', default: false },
    mode: { anyOf: [{ const: 'live', title: 'Live' }, { const: 'test' }], default: 'test' },
    level: { enum: [1, 2, 3] },
    hosts: { type: 'array', items: { type: 'string', maxLength: 99 }, maxItems: 3 },
    tags: { type: 'array', items: { enum: ['a', 'b'] } },
    token: { type: 'string', 'x-secret': true, default: 'never shown' },
    tokens: { type: 'array', items: { type: 'string', 'x-secret': true } },
    pool: {
      type: 'object',
      required: ['max'],
      properties: { max: { type: 'integer' }, min: { type: 'integer', default: 1 } },
      default: { max: 5 },
    },
    rails: {
      type: 'object',
      title: 'Rail',
      'x-factory': true,
      required: ['url'],
      properties: { url: { type: 'string' }, key: { 'x-secret': true } },
    },
    free: {},
  },
};

describe('metatype', () => {
  it('says of every value its type, cardinality, limits, options, what stands in for it, and whether it must be given', () => {
    const plain = { cardinality: 0, required: false };
    equal(objectClassOf('channel.gateway', { schema, defaults: { port: 8443 } }), {
      id: 'channel.gateway',
      name: 'Gateway',
      description: 'Talks to the network.',
      attributes: [
        {
          id: 'url',
          name: 'Address',
          description: 'Of the network.',
          type: 'string',
          cardinality: 0,
          required: true,
          min: 8,
          pattern: '^https:',
        },
        { id: 'port', name: 'port', type: 'integer', ...plain, default: 8443, min: 1, max: 65_535 },
        { id: 'ratio', name: 'ratio', type: 'number', ...plain },
        { id: 'fast', name: 'fast', type: 'boolean', ...plain, default: false },
        {
          id: 'mode',
          name: 'mode',
          type: 'string',
          ...plain,
          default: 'test',
          options: [
            { label: 'Live', value: 'live' },
            { label: 'test', value: 'test' },
          ],
        },
        { id: 'level', name: 'level', type: 'integer', ...plain, options: [1, 2, 3].map((value) => ({ label: String(value), value })) },
        { id: 'hosts', name: 'hosts', type: 'string', cardinality: 3, required: false, max: 99 },
        {
          id: 'tags',
          name: 'tags',
          type: 'string',
          cardinality: CARDINALITY_UNLIMITED,
          required: false,
          options: ['a', 'b'].map((value) => ({ label: value, value })),
        },
        { id: 'token', name: 'token', type: 'password', ...plain },
        { id: 'tokens', name: 'tokens', type: 'password', cardinality: CARDINALITY_UNLIMITED, required: false },
        {
          id: 'pool',
          name: 'pool',
          type: 'object',
          ...plain,
          default: { max: 5 },
          attributes: [
            { id: 'max', name: 'max', type: 'integer', ...plain, default: 5 },
            { id: 'min', name: 'min', type: 'integer', ...plain, default: 1 },
          ],
        },
        { id: 'free', name: 'free', type: 'any', ...plain },
      ],
      factories: [
        {
          id: 'rails',
          name: 'Rail',
          attributes: [
            { id: 'url', name: 'url', type: 'string', cardinality: 0, required: true },
            { id: 'key', name: 'key', type: 'password', ...plain },
          ],
          factories: [],
        },
      ],
    });
  });

  it('knows the configurations of a factory by their keys, and takes nothing else for one', () => {
    equal(
      ['rails~fast', 'rails~', '~fast', 'port~x', 'rails', 'constructor~x', 'rails~a~b'].map((key) => factoryOfKey(schema, key)),
      ['rails', undefined, undefined, undefined, undefined, undefined, 'rails'],
    );
    equal(
      [schemaOfKey(schema, 'rails~fast'), schemaOfKey(schema, 'nothing'), schemaOfKey(undefined, 'a')],
      [schema.properties.rails, undefined, undefined],
    );
  });

  it('reads what is hardly a schema without failing', () => {
    equal(objectClassOf('x', { schema: {} }), { id: 'x', name: 'x', attributes: [], factories: [] });
    equal(
      objectClassOf('x', { schema: { properties: { a: 1, b: { anyOf: [] } } } }).attributes.map(({ type }) => type),
      ['any', 'any'],
    );
  });
});
