import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { parseXSmtpApi, takeXSmtpApi, XSmtpApiError } from "./x-smtpapi.ts";

const before = "From: app@contoso.example\r\n";
const after = "Subject: hello\r\n\r\n";
const take = (field: string) => takeXSmtpApi(Buffer.from(before + field + after));

suite("X-SMTPAPI", () => {
  test("the field is taken out, folds and case regardless, and nothing else is", () => {
    const { api, header } = take(
      'x-SmtpApi: {"to": ["bob@fabrikam.example",\r\n "Eve <eve@fabrikam.example>"],\r\n\t"category": "news"}\r\n',
    );
    assert.deepEqual(api?.to, ["bob@fabrikam.example", "Eve <eve@fabrikam.example>"]);
    assert.deepEqual(api?.categories, ["news"]);
    assert.equal(header.toString(), before + after);
  });

  test("without it the header is as it was, also where a field is only named alike", () => {
    for (const field of ["", "X-SMTPAPI-Note: {}\r\n", "X-Other: a\r\n X-SMTPAPI: {}\r\n"]) {
      const { api, header } = take(field);
      assert.equal(api, null);
      assert.equal(header.toString(), before + field + after);
    }
  });

  test("times, arguments and keys that nobody knows", () => {
    const api = parseXSmtpApi('{"send_at": 1795000000, "unique_args": {"order": 17}, "category": ["a", "b"], "sparkle": true, "sub": {}}');
    assert.equal(api.sendAt, 1_795_000_000);
    assert.deepEqual(api.uniqueArgs, { order: "17" });
    assert.deepEqual(api.unknown, ["sparkle"]);
  });

  test("what would change the message is refused by name", () => {
    assert.throws(() => parseXSmtpApi('{"sub": {"-name-": ["Bob"]}, "filters": {"footer": {}}}'), /asks for sub, filters/);
    assert.throws(() => take("X-SMTPAPI: {}\r\nX-SMTPAPI: {}\r\n"), /more than once/);
    for (const text of [
      "",
      "[]",
      "null",
      "{",
      '{"to": "x"}',
      '{"to": []}',
      '{"to": [1]}',
      '{"send_at": "soon"}',
      '{"send_at": 1.5}',
      '{"unique_args": [1]}',
    ])
      assert.throws(() => parseXSmtpApi(text), XSmtpApiError, text);
    assert.throws(() => parseXSmtpApi(JSON.stringify({ to: Array.from({ length: 1001 }, (_, n) => `u${n}@x.example`) })), /more than 1000/);
  });

  test("names like those of an object's own do nothing", () => {
    const api = parseXSmtpApi('{"__proto__": {"to": ["x@y.example"]}, "constructor": 1}');
    assert.equal(api.to, undefined);
  });

  test("it never throws anything but its own error, and keeps every other byte", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), fc.json(), (noise, json) => {
        for (const text of [`X-SMTPAPI: ${noise}\r\n`, `X-SMTPAPI: ${json}\r\n`, noise]) {
          try {
            const { api, header } = take(text);
            assert.equal(header.toString("latin1").startsWith(before.slice(0, -2)), true);
            if (api === null) assert.deepEqual(header, Buffer.from(before + text + after));
          } catch (error) {
            if (!(error instanceof XSmtpApiError)) throw error;
          }
        }
      }),
    );
  });
});
