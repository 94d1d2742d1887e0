/**
 * Who a request comes from. Headers about it are believed only from configured proxies: from anybody else they are what an attacker
 * would write. Owns reading X-Forwarded-For and X-Forwarded-Proto.
 */
import { BlockList, isIP } from 'node:net';
import { SluiceError } from '@sluice/sdk';

type Header = string | readonly string[] | undefined;

/** Answers for one configuration of trusted proxies. */
export interface ClientAddresses {
  /** Address of the client: the last one in the chain that is no trusted proxy. */
  addressOf(peer: string | undefined, forwardedFor: Header): string;
  /** True when the client spoke TLS, to us or to a trusted proxy. */
  isSecure(encrypted: boolean, peer: string | undefined, forwardedProto: Header): boolean;
}

const MAPPED_V4 = '::ffff:';
/** A longer chain is cut: no honest one has so many proxies. */
const HOPS_MAX = 32;

/**
 * @param networks addresses or CIDR networks.
 * @throws SluiceError `CONFIG_INVALID`.
 */
export function trustProxies(networks: readonly string[]): ClientAddresses {
  const trusted = new BlockList();
  for (const network of networks) addNetwork(trusted, network);
  const isTrusted = (address: string): boolean => {
    const family = isIP(address);
    return family !== 0 && networks.length > 0 && trusted.check(address, family === 4 ? 'ipv4' : 'ipv6');
  };
  return {
    addressOf: (peer, forwardedFor) => {
      let client = plain(peer ?? '');
      if (forwardedFor === undefined || !isTrusted(client)) return client;
      const hops = listOf(forwardedFor).slice(-HOPS_MAX);
      for (let index = hops.length - 1; index >= 0 && isTrusted(client); index -= 1) {
        const hop = plain(hops[index] ?? '');
        if (isIP(hop) === 0) break;
        client = hop;
      }
      return client;
    },
    isSecure: (encrypted, peer, forwardedProto) => {
      if (forwardedProto === undefined || !isTrusted(plain(peer ?? ''))) return encrypted;
      return listOf(forwardedProto).at(-1)?.toLowerCase() === 'https';
    },
  };
}

function addNetwork(list: BlockList, network: string): void {
  const [address = '', bits] = network.split('/');
  const family = isIP(address);
  const prefix = bits === undefined ? (family === 4 ? 32 : 128) : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
  if (family === 0 || prefix < 0 || prefix > (family === 4 ? 32 : 128)) {
    throw new SluiceError('CONFIG_INVALID', `trustedProxies has '${network}', which is neither an address nor a network`, {
      details: { key: 'trustedProxies', value: network },
      remedy: "Write for example '10.0.0.0/8' or '2001:db8::1'.",
    });
  }
  list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
}

function plain(address: string): string {
  return address.startsWith(MAPPED_V4) ? address.slice(MAPPED_V4.length) : address;
}

function listOf(header: string | readonly string[]): readonly string[] {
  return (typeof header === 'string' ? header : header.join(',')).split(',').map((part) => part.trim());
}
