/** Who may read the metrics: by address, and by token where one is set. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIP } from 'node:net';

/** The part of the configuration that decides. */
export interface AccessRules {
  /** Addresses and networks. */
  readonly allowFrom: readonly string[];
  readonly token: string | null;
}

const lists = new WeakMap<readonly string[], BlockList>();

/** True when a request from an address with this `Authorization` header may read. */
export function isAllowed({ allowFrom, token }: AccessRules, address: string, authorization: string | undefined): boolean {
  if (!contains(allowFrom, address)) return false;
  if (token === null) return true;
  const given = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
  // Compared by hash: equal lengths, and the time says nothing about the token.
  return timingSafeEqual(digest(given), digest(token));
}

function contains(networks: readonly string[], address: string): boolean {
  let list = lists.get(networks);
  if (list === undefined) lists.set(networks, (list = listOf(networks)));
  const plain = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  const family = isIP(plain);
  return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4');
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    const family = isIP(address);
    // What is no address allows nobody.
    if (family === 0) continue;
    const type = family === 6 ? 'ipv6' : 'ipv4';
    const bits = Number(prefix);
    if (prefix === undefined) list.addAddress(address, type);
    else if (Number.isInteger(bits) && bits >= 0 && bits <= (family === 6 ? 128 : 32)) list.addSubnet(address, bits, type);
  }
  return list;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
