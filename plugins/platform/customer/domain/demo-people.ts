/** The customers of the demo: invented, and the same at every start. Pure. */
import { accountNumber, customerNumber } from './numbers.js';

/** Somebody who does not exist. */
export interface DemoPerson {
  readonly customerNo: string;
  readonly login: string;
  readonly name: string;
  readonly pinyin: string;
  readonly accounts: readonly DemoAccount[];
}

/** An account with its opening balance. */
export interface DemoAccount {
  readonly accountNo: string;
  readonly currency: 'CNY' | 'USD';
  readonly openingMinor: bigint;
}

const SURNAMES =
  '王 Wang,李 Li,张 Zhang,刘 Liu,陈 Chen,杨 Yang,赵 Zhao,黄 Huang,周 Zhou,吴 Wu,徐 Xu,孙 Sun,胡 Hu,朱 Zhu,高 Gao,林 Lin,何 He,郭 Guo,马 Ma,罗 Luo';
const GIVEN =
  '伟 Wei,芳 Fang,娜 Na,敏 Min,静 Jing,丽 Li,强 Qiang,磊 Lei,军 Jun,洋 Yang,勇 Yong,艳 Yan,杰 Jie,娟 Juan,涛 Tao,明 Ming,超 Chao,霞 Xia,平 Ping,刚 Gang,桂英 Guiying,秀兰 Xiulan,建华 Jianhua,玉梅 Yumei,志强 Zhiqiang,晓东 Xiaodong,海燕 Haiyan,文博 Wenbo,雨桐 Yutong,子轩 Zixuan';
const SEED = 20_261_125;
/** Every so many customers has a second account, in US dollars. */
const DOLLAR_EVERY = 4;

/** Opening balance of each further account of the first customer. */
const FURTHER_OPENING_MINOR = 1_000_00n;

/** The first `count` people of the demo; the first of them may have several accounts in yuan, to move money among. */
export function demoPeople(count: number, accountsOfFirst = 1): readonly DemoPerson[] {
  const surnames = pairs(SURNAMES);
  const given = pairs(GIVEN);
  const random = mulberry32(SEED);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const people: DemoPerson[] = [];
  for (let number = 1; number <= count; number += 1) {
    const [surname, surnamePinyin] = pick(surnames);
    const [name, namePinyin] = pick(given);
    const accounts: DemoAccount[] = [
      { accountNo: accountNumber(number), currency: 'CNY', openingMinor: amount(random(), 1_000_00n, 100_000_00n) },
    ];
    if (number % DOLLAR_EVERY === 0) {
      accounts.push({ accountNo: accountNumber(5_000_000 + number), currency: 'USD', openingMinor: amount(random(), 100_00n, 20_000_00n) });
    }
    if (number === 1) accounts.push(...furtherAccounts(accountsOfFirst - 1));
    people.push({
      customerNo: customerNumber(number),
      login: `c${String(number).padStart(4, '0')}`,
      name: surname + name,
      pinyin: `${surnamePinyin} ${namePinyin}`,
      accounts,
    });
  }
  return people;
}

function furtherAccounts(count: number): readonly DemoAccount[] {
  return Array.from({ length: count }, (_unused, index) => ({
    accountNo: accountNumber(6_000_001 + index),
    currency: 'CNY',
    openingMinor: FURTHER_OPENING_MINOR,
  }));
}

/** A round amount: whole yuan or dollars look like people's money. */
function amount(chance: number, fromMinor: bigint, toMinor: bigint): bigint {
  const span = Number((toMinor - fromMinor) / 100n);
  return fromMinor + BigInt(Math.floor(chance * span)) * 100n;
}

function pairs(list: string): readonly (readonly [string, string])[] {
  return list.split(',').map((entry) => {
    const [sign = '', pinyin = ''] = entry.split(' ');
    return [sign, pinyin] as const;
  });
}

/** A small generator with a seed: the same numbers on every machine. Never for secrets. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
