import assert from "node:assert/strict";
import { test } from "node:test";
import { readList } from "./read-list.ts";

test("a list is told by domains, and by addresses that stand in it often", () => {
  const often = "Alarm@Contoso.example\n".repeat(150);
  const list = `\uFEFF# people\r\nname;address\n"Bob ""B""";"Bob <bob@fabrikam.example>"\nAnn,ann@FABRIKAM.example,2026\n${often}carol@contoso.example`;
  assert.deepEqual(readList(list), {
    to: [
      { to: "alarm@contoso.example", count: 150 },
      { to: "@fabrikam.example", count: 2 },
      { to: "@contoso.example", count: 1 },
    ],
    count: 153,
    skipped: 1,
  });
});

test("of very many domains the rarest are told together", () => {
  const many = Array.from({ length: 20_000 }, (_, i) => `user@domain${i}.example`).join("\n");
  const { to, count } = readList(`${many}\nbob@domain19999.example`);
  assert.equal(count, 20_001);
  assert.deepEqual(to[0], { to: "@domain19999.example", count: 2 });
  assert.deepEqual(to.at(-1), { to: "@elsewhere.invalid", count: 11_000 });
  assert.equal(
    to.reduce((sum, each) => sum + each.count, 0),
    count,
  );
});

test("what has no address is no list", () => {
  assert.throws(() => readList("hello\nworld\n"), /there is no address in the list/);
});
