import assert from "node:assert/strict";
import { test } from "node:test";
import { domainOf, localPartOf, matchesAddress } from "./address.ts";

test("an address is taken apart at its last @", () => {
  assert.deepEqual([localPartOf('"a@b"@Contoso.example'), domainOf('"a@b"@Contoso.example')], ['"a@b"', "contoso.example"]);
  assert.deepEqual([localPartOf("postmaster"), domainOf("postmaster")], ["postmaster", ""]);
});

test("patterns fit what they say, and nothing else", () => {
  const fits: Readonly<Record<string, readonly string[]>> = {
    "*": ["<>", "ann@contoso.example", "bob@x.contoso.example", "eve@fabrikam.example", "postmaster"],
    "<>": ["<>"],
    "Ann@Contoso.example": ["ann@contoso.example"],
    "@contoso.example": ["ann@contoso.example"],
    "*@contoso.example": ["ann@contoso.example"],
    "contoso.example": ["ann@contoso.example"],
    "@*.contoso.example": ["bob@x.contoso.example"],
    "*@*.contoso.example": ["bob@x.contoso.example"],
    "*.contoso.example": ["bob@x.contoso.example"],
    "": ["postmaster"],
    "ann@contoso.exampl": [],
  };
  const addresses = ["<>", "ann@contoso.example", "bob@x.contoso.example", "eve@fabrikam.example", "postmaster"];
  for (const [pattern, expected] of Object.entries(fits)) {
    const found = addresses.filter((address) => matchesAddress(pattern, address === "<>" ? null : address));
    assert.deepEqual(found, expected, pattern);
  }
});
