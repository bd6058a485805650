import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { magicWords, readMagic, slowMs } from "./magic.ts";

const replies: readonly [address: string, when: "command" | "data", code: number, status: string][] = [
  ["temperror@contoso.example", "command", 451, "4.3.0"],
  ["permerror@contoso.example", "command", 550, "5.3.0"],
  ["full@contoso.example", "command", 452, "4.2.2"],
  ["FULL+invoice@contoso.example", "command", 452, "4.2.2"],
  ["550@contoso.example", "command", 550, "5.1.1"],
  ["451+x@contoso.example", "command", 451, "4.3.0"],
  ["421@contoso.example", "command", 421, "4.3.2"],
  ["552@contoso.example", "command", 552, "5.2.2"],
  ["599@contoso.example", "command", 599, "5.0.0"],
  ["499@contoso.example", "command", 499, "4.0.0"],
  ["data-550@contoso.example", "data", 550, "5.7.1"],
  ["data-451@contoso.example", "data", 451, "4.3.0"],
  ["data-421@contoso.example", "data", 421, "4.3.2"],
  ["data-552@contoso.example", "data", 552, "5.3.4"],
  ["data-temperror@contoso.example", "data", 451, "4.3.0"],
];

for (const [address, when, code, status] of replies) {
  test(`magic ${address} answers ${code} ${status}`, () => {
    const magic = readMagic(address);
    assert.equal(magic?.when, when);
    assert.ok(magic.behaviour.kind === "reply");
    assert.equal(magic.behaviour.reply.code, code);
    assert.match(magic.behaviour.reply.lines[0] ?? "", new RegExp(`^${status} \\S`));
  });
}

test("magic words without a reply", () => {
  assert.deepEqual(readMagic("timeout@contoso.example"), { when: "command", behaviour: { kind: "hang" } });
  assert.deepEqual(readMagic("data-timeout@contoso.example"), { when: "data", behaviour: { kind: "hang" } });
  assert.deepEqual(readMagic("slow@contoso.example"), { when: "command", behaviour: { kind: "delay", delayMs: slowMs } });
  assert.deepEqual(readMagic("data-drop@contoso.example"), { when: "data", behaviour: { kind: "drop", keep: true } });
  assert.deepEqual(readMagic("data-drop-lost@contoso.example"), { when: "data", behaviour: { kind: "drop", keep: false } });
});

test("ordinary addresses are not magic", () => {
  for (const local of [
    "bob",
    "full.name",
    "temperrors",
    "250",
    "5500",
    "55",
    "600",
    "database",
    "data",
    "data-bob",
    "x+full",
    "550x",
    "constructor",
    "__proto__",
  ]) {
    assert.equal(readMagic(`${local}@contoso.example`), null, local);
  }
});

test("the reference lists every magic word", async () => {
  const reference = await readFile(new URL("../../../docs/reference/sandbox.md", import.meta.url), "utf8");
  for (const word of magicWords) assert.match(reference, new RegExp(`\`${word}\``), word);
  assert.match(reference, new RegExp(`${slowMs / 1000} seconds`));
});
