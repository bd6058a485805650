import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { isDomain, isMailbox, parsePath } from "./address.ts";
import { isAddressLiteral } from "./ip-literal.ts";

const good: readonly (readonly [string, string | null])[] = [
  ["<>", null],
  ["<a@b>", "a@b"],
  ["<ada.lovelace@contoso.example>", "ada.lovelace@contoso.example"],
  ["<!#$%&'*+/=?^_`{|}~-@contoso.example>", "!#$%&'*+/=?^_`{|}~-@contoso.example"],
  ['<"ada lovelace"@contoso.example>', '"ada lovelace"@contoso.example'],
  ['<"a>b"@contoso.example>', '"a>b"@contoso.example'],
  ['<"a\\"b@c"@contoso.example>', '"a\\"b@c"@contoso.example'],
  ['<""@contoso.example>', '""@contoso.example'],
  ["<a@[192.0.2.1]>", "a@[192.0.2.1]"],
  ["<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"],
  ["<@one.example:a@b.example>", "a@b.example"],
  ["<@one.example,@two.example:a@b.example>", "a@b.example"],
  ["<Postmaster>", "Postmaster"],
  ["<a@xn--bcher-kva.example>", "a@xn--bcher-kva.example"],
  ["<jos\u00e9@b\u00fccher.example>", "jos\u00e9@b\u00fccher.example"],
  [`<${"l".repeat(64)}@b.example>`, `${"l".repeat(64)}@b.example`],
];

const bad: readonly string[] = [
  "",
  "<",
  "a@b.example",
  "<a@b.example",
  "<a>",
  "<@b.example>",
  "<a@>",
  "<a b@c.example>",
  "<.a@b.example>",
  "<a.@b.example>",
  "<a..b@c.example>",
  "<a@b..example>",
  "<a@.example>",
  "<a@example.>",
  "<a@-b.example>",
  "<a@b-.example>",
  "<a@b_c.example>",
  "<a@@b.example>",
  "<a@b@c.example>",
  '<"a@b.example>',
  '<"a"b@c.example>',
  "<a@[192.0.2.256]>",
  "<a@[192.0.2.1>",
  "<a@[IPv6:::1::]>",
  "<@one.example a@b.example>",
  "<@one.example:@two.example:a@b.example>",
  "<@one.example,a@b.example>",
  "<a\u0080@b.example>",
  `<${"l".repeat(65)}@b.example>`,
  `<a@${"l".repeat(64)}.example>`,
  `<a@${"label.".repeat(42)}example>`,
  `<${"\u00e9".repeat(33)}@b.example>`,
];

suite("addresses", () => {
  for (const [text, address] of good) {
    test(`takes ${text}`, () => {
      assert.deepEqual(parsePath(`x:${text} SIZE=1`, 2), {
        address,
        end: 2 + text.length,
        utf8: /[^ -~]/.test(text),
      });
    });
  }
  for (const text of bad) test(`refuses ${text.slice(0, 40)}`, () => assert.equal(parsePath(text, 0), null));

  test("brackets may be missing only where that is allowed", () => {
    assert.equal(parsePath("a@b.example SIZE=1", 0), null);
    assert.deepEqual(parsePath("a@b.example SIZE=1", 0, true), { address: "a@b.example", end: 11, utf8: false });
    assert.equal(parsePath("a@b.example>", 0, true), null);
    assert.equal(parsePath("", 0, true), null);
  });

  test("UTF-8 where it was declared", () => {
    assert.equal(isMailbox("jos\u00e9@b\u00fccher.example"), false);
    assert.equal(isMailbox("jos\u00e9@b\u00fccher.example", true), true);
    assert.equal(isDomain("\u043f\u043e\u0447\u0442\u0430.example", true), true);
    assert.equal(isDomain("a b", true), false);
    assert.equal(isMailbox("postmaster"), false);
  });

  test("address literals", () => {
    for (const text of ["0.0.0.0", "255.255.255.255", "IPv6:::", "ipv6:::1", "IPv6:1:2:3:4:5:6:7:8", "IPv6:::ffff:192.0.2.1", "tag:x"]) {
      assert.equal(isAddressLiteral(text), true, text);
    }
    for (const text of [
      "",
      "1.2.3",
      "1.2.3.4.5",
      "01.2.3.4",
      "IPv6:",
      "IPv6:1:2:3:4:5:6:7",
      "IPv6:1:2:3:4:5:6:7:8::",
      "IPv6:12345::",
      "x",
      "::1",
    ]) {
      assert.equal(isAddressLiteral(text), false, text);
    }
  });

  test("what is written comes back", () => {
    const atom = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,12}$/);
    const local = fc.oneof(
      fc.array(atom, { minLength: 1, maxLength: 4 }).map((atoms) => atoms.join(".")),
      fc.stringMatching(/^[ -~]{0,20}$/).map((text) => `"${text.replace(/["\\]/g, "\\$&")}"`),
    );
    const domain = fc.array(fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(local, domain, (name, labels) => {
        const address = `${name}@${labels.join(".")}`;
        assert.equal(parsePath(`<${address}>`, 0)?.address, address);
        assert.equal(isMailbox(address), true);
      }),
    );
  });

  test("never throws, and what it takes can be written again", () => {
    const piece = fc.constantFrom("<", ">", "@", '"', "\\", ".", ",", ":", "[", "]", " ", "a", "b.c", "IPv6:", "\u00e9", "\ud800");
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 20 }), (pieces) => {
        const address = parsePath(pieces.join(""), 0)?.address ?? null;
        if (address !== null) assert.equal(parsePath(`<${address}>`, 0)?.address, address);
      }),
      { numRuns: 2000 },
    );
  });
});
