import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { addressGroup, CidrTable, parseCidr, plainAddress } from "./cidr.ts";

describe("networks", () => {
  const rows: [text: string, expected: ReturnType<typeof parseCidr>][] = [
    ["10.0.0.0/8", { address: "10.0.0.0", prefix: 8, family: "ipv4" }],
    ["10.1.2.3", { address: "10.1.2.3", prefix: 32, family: "ipv4" }],
    ["fd00::/8", { address: "fd00::", prefix: 8, family: "ipv6" }],
    ["::1", { address: "::1", prefix: 128, family: "ipv6" }],
    ...["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "fd00::/129", "fe80::1%eth0", "host", "10.0.0.0/ 8"].map(
      (text): [string, null] => [text, null],
    ),
  ];
  for (const [text, expected] of rows) test(`"${text}"`, () => assert.deepEqual(parseCidr(text), expected));

  test("the table agrees with arithmetic, most specific first", () => {
    const octets = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 });
    // Few first octets, so that networks hold each other often.
    const address = octets.map(([a = 0, b = 0, c = 0, d = 0]) => [a % 2, b % 4, c, d]);
    const network = fc.tuple(address, fc.nat(32));
    fc.assert(
      fc.property(fc.array(network, { maxLength: 8 }), address, (networks, client) => {
        const number = (of: readonly number[]): number => of.reduce((sum, octet) => sum * 256 + octet, 0);
        const table = new CidrTable(
          networks.map(([of, prefix], index) => [{ address: of.join("."), prefix, family: "ipv4" as const }, index] as const),
        );
        const block = (prefix: number): number => 2 ** (32 - prefix);
        const expected = networks
          .map(([of, prefix], index) => ({ of, prefix, index }))
          .filter(({ of, prefix }) => Math.floor(number(of) / block(prefix)) === Math.floor(number(client) / block(prefix)))
          .sort((a, b) => b.prefix - a.prefix)
          .map(({ index }) => index);
        assert.deepEqual(table.find(client.join(".")), expected);
        assert.deepEqual(table.find(`::ffff:${client.join(".")}`), expected);
      }),
    );
  });

  test("clients are counted by address, and by /64 in IPv6", () => {
    assert.equal(plainAddress("::ffff:10.0.0.1"), "10.0.0.1");
    assert.equal(plainAddress("fe80::1%eth0"), "fe80::1");
    assert.equal(addressGroup("::ffff:10.0.0.1"), "10.0.0.1");
    for (const same of ["2001:db8::1", "2001:db8:0:0:ffff::1", "2001:db8::ffff:0:0:1"])
      assert.equal(addressGroup(same), "2001:db8:0:0::/64");
    assert.notEqual(addressGroup("2001:db8:0:1::1"), addressGroup("2001:db8::1"));
    assert.equal(addressGroup("::1"), "0:0:0:0::/64");
  });
});
