import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { decodeBase64 } from "./base64.ts";
import { openExchange, type ServerStep } from "./server-exchange.ts";

type Mechanism = "PLAIN" | "LOGIN" | "XOAUTH2";

function run(mechanism: Mechanism, ...responses: (string | null)[]): ServerStep | undefined {
  const exchange = openExchange(mechanism);
  let step: ServerStep | undefined;
  for (const response of responses) step = exchange.step(response === null ? null : Buffer.from(response));
  return step;
}

function credentials(step: ServerStep | undefined) {
  return step !== undefined && "credentials" in step ? step.credentials : step;
}

suite("SASL, server side", () => {
  test("PLAIN", () => {
    const expected = { mechanism: "PLAIN", authorizationId: "", user: "app", password: "p\u00e4ss" };
    assert.deepEqual(credentials(run("PLAIN", "\0app\0p\u00e4ss")), expected);
    assert.deepEqual(credentials(run("PLAIN", null, "boss\0app\0p\u00e4ss")), { ...expected, authorizationId: "boss" });
    for (const bad of ["", "app", "\0app", "\0\0x", "\0app\0", "\0app\0a\0b"]) assert.deepEqual(run("PLAIN", bad), { malformed: true });
    assert.deepEqual(openExchange("PLAIN").step(Buffer.from([0, 0xff, 0, 0x61])), { malformed: true });
  });

  test("LOGIN", () => {
    const expected = { mechanism: "LOGIN", user: "app", password: "x" };
    assert.deepEqual(run("LOGIN", null), { challenge: Buffer.from("Username:") });
    assert.deepEqual(run("LOGIN", null, "app"), { challenge: Buffer.from("Password:") });
    assert.deepEqual(credentials(run("LOGIN", null, "app", "x")), expected);
    assert.deepEqual(credentials(run("LOGIN", "app", "x")), expected);
    assert.deepEqual(run("LOGIN", "a\0b"), { malformed: true });
  });

  test("XOAUTH2", () => {
    const expected = { mechanism: "XOAUTH2", user: "a@b.example", token: "ey.J-_~+/=" };
    assert.deepEqual(credentials(run("XOAUTH2", "user=a@b.example\u0001auth=Bearer ey.J-_~+/=\u0001\u0001")), expected);
    assert.deepEqual(credentials(run("XOAUTH2", null, "user=a@b.example\u0001auth=bearer ey.J-_~+/=\u0001host=x\u0001\u0001")), expected);
    for (const bad of [
      "",
      "user=a\u0001auth=Bearer x\u0001",
      "user=a\u0001auth=Basic x\u0001\u0001",
      "auth=Bearer x\u0001\u0001",
      "user=\u0001auth=Bearer x\u0001\u0001",
      "user=a\u0001user=b\u0001auth=Bearer x\u0001\u0001",
      "user=a\u0001auth=Bearer x y\u0001\u0001",
      "user=a\u0001\u0001auth=Bearer x\u0001\u0001",
    ]) {
      assert.deepEqual(run("XOAUTH2", bad), { malformed: true }, JSON.stringify(bad));
    }
  });

  test("base64 is strict", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        assert.deepEqual(decodeBase64(Buffer.from(bytes).toString("base64")), Buffer.from(bytes));
      }),
    );
    for (const bad of ["a", "ab", "abc", "ab=c", "=", "a===", "abcd=", "ab cd", "YW-_", "YWJj\n"])
      assert.equal(decodeBase64(bad), null, bad);
  });

  test("never throws", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<Mechanism>("PLAIN", "LOGIN", "XOAUTH2"),
        fc.array(fc.option(fc.uint8Array()), { maxLength: 3 }),
        (mechanism, responses) => {
          const exchange = openExchange(mechanism);
          for (const response of responses) exchange.step(response === null ? null : Buffer.from(response));
        },
      ),
    );
  });
});
