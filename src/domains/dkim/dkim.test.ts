import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";
import { makeContent } from "../../../test/support/transactions.ts";
import { RelaxedBody } from "../../wire/dkim/relaxed-body.ts";
import { type DkimKey, DkimSigner, keysFor, SigningFailed } from "./dkim-signer.ts";
import { dkimRecord } from "./dkim-record.ts";

const never = new AbortController().signal;
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const ed = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const keys: readonly DkimKey[] = [
  { domain: "contoso.example", selector: "r1", key: rsa, algorithm: "rsa" },
  { domain: "contoso.example", selector: "e1", key: ed, algorithm: "ed25519" },
];
const records = new Map(keys.map(({ selector, key }) => [`${selector}._domainkey.contoso.example`, dkimRecord(key)]));

/** What somebody else's verifier says: a result for each signature. */
async function verify(message: Uint8Array): Promise<readonly string[]> {
  const resolver = (name: string) => {
    const record = records.get(name);
    if (record === undefined) throw Object.assign(new Error("no"), { code: "ENOTFOUND" });
    return Promise.resolve([[record]]);
  };
  const { results } = await dkimVerify(Buffer.from(message), { resolver, strict: true });
  return results.map(({ signingDomain, selector, status }) => `${signingDomain} ${selector} ${status.result}`);
}

async function signed(signer: DkimSigner, text: string, streamed: boolean): Promise<Buffer> {
  const content = makeContent(text, streamed);
  const fields = await signer.sign("contoso.example", content, never);
  const pieces: Uint8Array[] = [fields];
  for await (const piece of content.stream()) pieces.push(piece);
  return Buffer.concat(pieces);
}

const good = ["contoso.example e1 pass", "contoso.example r1 pass"];
const texts: readonly (readonly [what: string, text: string])[] = [
  [
    "a plain message",
    "From: a@contoso.example\r\nTo: b@fabrikam.example\r\nSubject: x\r\nDate: Fri, 27 Nov 2026 10:00:00 +0000\r\n\r\nbody\r\n",
  ],
  ["an empty body", "From: a@contoso.example\r\n\r\n"],
  ["no body at all", "From: a@contoso.example\r\n"],
  [
    "empty lines and white space everywhere",
    "From: a@contoso.example\r\nSubject:  a \t b \r\n\tc\r\n\r\n\r\n  a \t b  \r\n\r\n c\r\n \t\r\n\r\n\r\n",
  ],
  ["a body without a last line end", "From: a@contoso.example\r\n\r\nbody"],
  ["UTF-8", "From: Grüße <a@contoso.example>\r\nSubject: Ä\r\n\r\nöäü\r\n"],
  ["several of one field", "From: a@contoso.example\r\nTo: b@x.example\r\nTo: c@x.example\r\nReferences: <1@x>\r\n <2@x>\r\n\r\nx\r\n"],
  ["500 KB", `From: a@contoso.example\r\n\r\n${"0123456789 abcdefghijklmnopqrstuvwxyz \r\n".repeat(12_000)}`],
];

for (const [what, text] of texts) {
  test(`${what}: mailauth finds both signatures good`, async () => {
    await using signer = new DkimSigner(keys, () => Date.now());
    for (const streamed of [false, true]) assert.deepEqual((await verify(await signed(signer, text, streamed))).toSorted(), good);
  });
}

test("whatever the body: mailauth and we read it alike", async () => {
  await using signer = new DkimSigner(keys, () => Date.now());
  const part = fc.constantFrom(" ", "\t", "\r\n", "a", "=", ".", "\r\n\r\n", "  x", "ü");
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 60 }), async (parts) => {
      assert.deepEqual((await verify(await signed(signer, `From: a@contoso.example\r\n\r\n${parts.join("")}`, false))).toSorted(), good);
    }),
    { numRuns: 60 },
  );
});

test("a changed body, subject or second From is found out", async () => {
  await using signer = new DkimSigner(keys, () => Date.now());
  const message = (await signed(signer, "From: a@contoso.example\r\nSubject: x\r\n\r\nbody\r\n", false)).toString("latin1");
  const results = async (text: string) => (await verify(Buffer.from(text, "latin1"))).map((result) => result.split(" ")[2]);
  assert.deepEqual(await results(message), ["pass", "pass"]);
  for (const changed of [
    message.replace("body", "Body!"),
    message.replace("Subject: x", "Subject: y"),
    `From: evil@contoso.example\r\n${message}`,
  ])
    assert.ok(
      (await results(changed)).every((result) => result !== "pass"),
      changed.slice(-80),
    );
});

/** RFC 6376 §3.4.4, read word for word. */
function relaxedBody(text: string): string {
  const lines = text.split("\r\n").map((line) => line.replace(/[ \t]+/g, " ").replace(/ $/, ""));
  while (lines.at(-1) === "") lines.pop();
  return lines.map((line) => `${line}\r\n`).join("");
}

test("the canonical body is the standard's and does not depend on where the pieces end", () => {
  const collect = (pieces: readonly string[]) => {
    const out: Buffer[] = [];
    const body = new RelaxedBody((bytes) => out.push(Buffer.from(bytes)));
    for (const piece of pieces) body.push(Buffer.from(piece, "latin1"));
    body.end();
    return Buffer.concat(out).toString("latin1");
  };
  const part = fc.constantFrom(" ", "\t", "\r\n", "a", ".", "\0", "\xff", "word", "x".repeat(40), "y z\r\n".repeat(300));
  const text = fc.array(part, { maxLength: 40 }).map((parts) => parts.join(""));
  const cuts = fc.array(fc.nat(3000), { maxLength: 8 });
  fc.assert(
    fc.property(text, cuts, (whole, sizes) => {
      const pieces: string[] = [];
      let at = 0;
      for (const size of sizes) pieces.push(whole.slice(at, (at += size)));
      pieces.push(whole.slice(at));
      assert.equal(collect(pieces), relaxedBody(whole));
      assert.equal(collect([...whole]), relaxedBody(whole));
    }),
    { numRuns: 300 },
  );
  assert.equal(collect(["\r\n\r\n"]), "");
  assert.equal(collect([" a \t b \r\n\r\n"]), " a b\r\n");
});

test("which key signs: the one of its kind that began last and has not ended; sub-domains use the domain above", () => {
  const at = (day: string) => Date.parse(`2026-${day}T00:00:00Z`);
  const rotating: readonly DkimKey[] = [
    { domain: "contoso.example", selector: "old", key: rsa, algorithm: "rsa", until: at("03-01") },
    { domain: "contoso.example", selector: "new", key: rsa, algorithm: "rsa", from: at("02-01") },
    { domain: "hr.contoso.example", selector: "hr", key: ed, algorithm: "ed25519" },
  ];
  const who = (domain: string, day: string) => keysFor(domain, rotating, at(day)).map((n) => rotating[n]?.selector);
  assert.deepEqual(who("contoso.example", "01-15"), ["old"]);
  assert.deepEqual(who("contoso.example", "02-15"), ["new"]);
  assert.deepEqual(who("contoso.example", "04-01"), ["new"]);
  assert.deepEqual(who("hr.contoso.example", "04-01"), ["hr"]);
  assert.deepEqual(who("it.contoso.example", "01-15"), ["old"]);
  assert.deepEqual(who("fabrikam.example", "01-15"), []);
});

test("a hundred at once, in order of asking or not, each its own", async () => {
  await using signer = new DkimSigner(keys, () => Date.now());
  const all = await Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      signed(signer, `From: a@contoso.example\r\nSubject: ${n}\r\n\r\n${"x".repeat(n)}\r\n`, n % 7 === 0),
    ),
  );
  for (const message of all) assert.deepEqual((await verify(message)).toSorted(), good);
});

test("a closed signer, and a message that cannot be read to its end, are told", async () => {
  const signer = new DkimSigner(keys, () => Date.now());
  const broken = {
    ...makeContent("From: a@contoso.example\r\n\r\nx", true),
    async *stream() {
      yield Buffer.from("From: a@contoso.example\r\n\r\n");
      throw new Error("disk");
    },
  };
  await assert.rejects(signer.sign("contoso.example", broken, never), /disk/);
  const endless = { ...broken, size: 700_000, inMemory: [Buffer.from("X: y\r\n".repeat(100_000)), Buffer.from("X: y\r\n")] };
  await assert.rejects(signer.sign("contoso.example", endless, never), SigningFailed);
  assert.deepEqual((await verify(await signed(signer, "From: a@contoso.example\r\n\r\nx", false))).toSorted(), good);
  await signer[Symbol.asyncDispose]();
  await assert.rejects(signer.sign("contoso.example", makeContent("From: a@contoso.example\r\n\r\nx"), never), /closed/);
});
