import assert from "node:assert/strict";
import { createSecretKey } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import fc from "fast-check";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import type { Clock } from "../../lib/clock.ts";
import { BounceAddresses, type BounceDomain } from "./bounce-addresses.ts";
import { BounceKeys } from "./bounce-keys.ts";
import { type BounceKey, isAbout } from "./bounce-token.ts";

const dayMs = 86_400_000;
const sentAt = Date.UTC(2026, 10, 27, 11, 38);
const domains: readonly BounceDomain[] = [
  { author: "contoso.example", domain: "bounce.contoso.example", validForMs: 14 * dayMs },
  { author: "shop.contoso.example", domain: "b.shop.contoso.example", validForMs: 3 * dayMs },
];
const key: BounceKey = { number: 7, secret: createSecretKey(Buffer.alloc(32, 1)) };
const keys = { current: key, byNumber: (number: number) => (number === key.number ? key : null) };
const bob = { address: "Bob@fabrikam.example" };
const facts = { messageId: 0x1f_ffff_ffff_ffff, author: "contoso.example", recipients: [bob] };

let now = sentAt;
const addresses = new BounceAddresses(domains, keys, () => now);

function made(given = facts): string {
  now = sentAt;
  return addresses.make(given) ?? "";
}

function readAt(address: string, at = sentAt): string {
  now = at;
  const read = addresses.read(address);
  return read.ok ? `message ${read.token.messageId}` : read.code;
}

suite("bounce addresses", () => {
  test("what was made is read, whatever the case, and has room in a local part", () => {
    const address = made();
    assert.match(address, /^b\+[a-z2-7]{40}@bounce\.contoso\.example$/);
    assert.ok(address.indexOf("@") <= 64);
    for (const variant of [address, address.toUpperCase(), address.replace(/[a-m]/g, (letter) => letter.toUpperCase())])
      assert.equal(readAt(variant), `message ${facts.messageId}`);
  });

  test("each author domain has its own bounce domain, its sub-domains with it; others have none", () => {
    assert.match(made({ ...facts, author: "notify.contoso.example" }), /@bounce\.contoso\.example$/);
    assert.match(made({ ...facts, author: "shop.contoso.example" }), /@b\.shop\.contoso\.example$/);
    assert.equal(addresses.make({ ...facts, author: "fabrikam.example" }), null);
    assert.equal(addresses.make({ ...facts, author: "example" }), null);
    assert.equal(addresses.make({ ...facts, author: null }), null);
  });

  test("every altered character is refused, and so is every other domain", () => {
    const address = made();
    const [local = "", domain = ""] = address.split("@");
    for (let at = 0; at < local.length; at++) {
      const other = local[at] === "a" ? "b" : "a";
      assert.equal(readAt(`${local.slice(0, at)}${other}${local.slice(at + 1)}@${domain}`), "bounce.address-unknown", `character ${at}`);
    }
    for (const altered of [
      `${local}@b.shop.contoso.example`,
      `${local}@contoso.example`,
      `${local}@bounce.contoso.example.evil.example`,
      local,
      `${local}a@${domain}`,
      `${local.slice(0, -1)}@${domain}`,
      `${local}${"a".repeat(100_000)}@${domain}`,
      `x${local.slice(1)}@${domain}`,
      `b+@${domain}`,
      `postmaster@${domain}`,
      "",
    ])
      assert.equal(readAt(altered), "bounce.address-unknown", altered.slice(0, 80));
  });

  test("another key's signature is refused", () => {
    const foreign: BounceKey = { number: 7, secret: createSecretKey(Buffer.alloc(32, 2)) };
    const forged = new BounceAddresses(domains, { current: foreign, byNumber: () => foreign }, () => sentAt).make(facts) ?? "";
    assert.equal(readAt(forged), "bounce.address-unknown");
    const unknown: BounceKey = { ...key, number: 8 };
    const lost = new BounceAddresses(domains, { current: unknown, byNumber: () => unknown }, () => sentAt).make(facts) ?? "";
    assert.equal(readAt(lost), "bounce.address-unknown");
  });

  test("it expires with its domain's time, counted from the end of the day; a clock that was ahead does no harm", () => {
    const endOfDay = Date.UTC(2026, 10, 28);
    const address = made();
    assert.equal(readAt(address, endOfDay + 14 * dayMs - 1), `message ${facts.messageId}`);
    assert.equal(readAt(address, endOfDay + 14 * dayMs), "bounce.address-expired");
    assert.equal(readAt(made({ ...facts, author: "shop.contoso.example" }), endOfDay + 3 * dayMs), "bounce.address-expired");
    assert.equal(readAt(address, sentAt - 20 * dayMs), `message ${facts.messageId}`);
  });

  test("it knows whom it was for: one recipient, or those of a domain, and does not tell", () => {
    const one = addresses.read(made());
    assert.ok(one.ok);
    assert.ok(isAbout(one.token, "bob@FABRIKAM.example"));
    assert.ok(!isAbout(one.token, "eve@fabrikam.example"));
    const both = addresses.read(made({ ...facts, recipients: [bob, { address: "eve@fabrikam.example" }] }));
    assert.ok(both.ok);
    assert.ok(isAbout(both.token, "mallory@fabrikam.example"));
    assert.ok(!isAbout(both.token, "bob@outlook.example"));
  });

  test("any message id and any recipients are read again", () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.array(fc.string({ maxLength: 30 }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 0, max: 40_000 }),
        (messageId, names, day) => {
          const at = Date.UTC(2025, 0, 1) + day * dayMs;
          now = at;
          const recipients = names.map((name) => ({ address: `${name}@fabrikam.example` }));
          const read = addresses.read(addresses.make({ messageId, author: "contoso.example", recipients }) ?? "");
          assert.ok(read.ok);
          assert.equal(read.token.messageId, messageId);
          assert.ok(recipients.every(({ address }) => isAbout(read.token, address)));
        },
      ),
    );
  });

  test("whatever is asked, it neither throws nor takes it; a megabyte costs no more than its length", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), fc.constantFrom("", "b+", "B+"), (text, start) => {
        assert.equal(readAt(`${start}${text}@bounce.contoso.example`), "bounce.address-unknown");
        assert.equal(readAt(text), "bounce.address-unknown");
      }),
    );
    const start = performance.now();
    for (const piece of ["@", "b+", "a", "\u212a"]) assert.equal(readAt(piece.repeat(500_000)), "bounce.address-unknown");
    assert.ok(performance.now() - start < 1000);
  });
});

/** Time as it is told. */
class TestClock implements Clock {
  time = sentAt;
  #waiting: { at: number; fire: () => void }[] = [];

  now(): number {
    return this.time;
  }

  at(at: number, fire: () => void): Disposable {
    const entry = { at, fire };
    this.#waiting.push(entry);
    return { [Symbol.dispose]: () => void (this.#waiting = this.#waiting.filter((one) => one !== entry)) };
  }

  /** Lets what is due by then happen. */
  move(time: number): void {
    this.time = time;
    const due = this.#waiting.filter(({ at }) => at <= time);
    this.#waiting = this.#waiting.filter(({ at }) => at > time);
    for (const { fire } of due) fire();
  }
}

suite("the keys of bounce addresses", () => {
  const options = (path: string, clock: Clock) => ({ path, clock, keepMs: 16 * dayMs, onTrouble: assert.ifError });

  test("made once, kept to oneself, the same after a restart", async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "bounce-keys.json");
    const clock = new TestClock();
    using first = await BounceKeys.open(options(path, clock));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(first.current.secret.symmetricKeySize, 32);
    using second = await BounceKeys.open(options(path, clock));
    assert.ok(second.current.secret.equals(first.current.secret));
  });

  test("renewed every 30 days; the former is accepted until what it has signed has run out", async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "bounce-keys.json");
    const clock = new TestClock();
    let open = await BounceKeys.open(options(path, clock));
    const first = open.current;
    const stored = () => (JSON.parse(readFileSync(path, "utf8")) as { number: number }[]).map(({ number }) => number);
    const renewed = async (days: number) => {
      const before = open.current;
      clock.move(sentAt + days * dayMs);
      while (open.current === before) await new Promise((resolve) => setImmediate(resolve));
    };
    await renewed(30);
    assert.ok(!open.current.secret.equals(first.secret));
    assert.equal(open.byNumber(first.number), first);
    assert.deepEqual(stored(), [0, 1]);
    clock.move(sentAt + 45 * dayMs);
    open[Symbol.dispose]();
    open = await BounceKeys.open(options(path, clock));
    assert.ok(open.byNumber(first.number)?.secret.equals(first.secret));
    await renewed(60);
    assert.equal(open.byNumber(first.number), null);
    assert.deepEqual(stored(), [1, 2]);
    open[Symbol.dispose]();
  });

  test("a file that holds no keys stops the start, with what to do", async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "bounce-keys.json");
    for (const text of ["", "[{}]", '[{"number":0,"made":0,"secret":"short"}]', "{}"]) {
      writeFileSync(path, text);
      await assert.rejects(BounceKeys.open(options(path, new TestClock())), /remove it to make new ones/);
    }
  });

  test("where it cannot be written no key is used", async () => {
    using folder = temporaryFolder();
    await assert.rejects(BounceKeys.open(options(join(folder.path, "missing", "bounce-keys.json"), new TestClock())), /ENOENT/);
  });
});
