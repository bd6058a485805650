import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { openAccess, readOrMakeToken } from "./access.ts";
import { escapeHtml, html } from "../lib/http/html.ts";

const token = "t".repeat(43);
const access = openAccess(token);
const asked = (headers: Record<string, string>) => access.identify({ headers } as unknown as IncomingMessage);

test("the token, the cookie it makes, and nothing else", () => {
  const [cookie = ""] = access.sessionCookie.split(";", 1);
  assert.equal(asked({ authorization: `Bearer ${token}` }), "token");
  assert.equal(asked({ authorization: `bearer  ${token}` }), "token");
  assert.equal(asked({ cookie }), "session");
  assert.equal(asked({ cookie: `a=b; ${cookie}; c=d` }), "session");
  for (const headers of [
    {},
    { authorization: `Bearer ${token}x` },
    { authorization: `Bearer ${token.slice(1)}` },
    { authorization: `Basic ${token}` },
    { authorization: token },
    { authorization: "Bearer " },
    { cookie: `${cookie.split("=", 1)[0]}=${token}` },
    { cookie: `${cookie}x` },
    { cookie: `${cookie.split("=", 1)[0]}=` },
    // A wrong header is not made good by a right cookie.
    { authorization: "Bearer wrong", cookie },
  ]) {
    assert.equal(asked(headers as Record<string, string>), null, JSON.stringify(headers));
  }
  assert.ok(!access.sessionCookie.includes(token));
  assert.notEqual(openAccess(`${token}x`).sessionCookie, access.sessionCookie);
});

test("the token is made once, readable by its owner only", () => {
  using folder = temporaryFolder();
  const made = readOrMakeToken(folder.path);
  assert.ok(made.length >= 43);
  assert.equal(readOrMakeToken(folder.path), made);
  assert.equal(statSync(join(folder.path, "admin-token")).mode & 0o777, 0o600);
  writeFileSync(join(folder.path, "admin-token"), "short\n");
  assert.notEqual(readOrMakeToken(folder.path), "short");
});

test("no text becomes markup", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("<", ">", "&", '"', "'", "a", "/", "script") }), (text) => {
      const escaped = escapeHtml(text);
      assert.ok(!/[<>"']/.test(escaped));
      const back = escaped
        .replaceAll("&lt;", "<")
        .replaceAll("&gt;", ">")
        .replaceAll("&quot;", '"')
        .replaceAll("&#39;", "'")
        .replaceAll("&amp;", "&");
      assert.equal(back, text);
      assert.equal(html`<p title="${text}">${text}</p>`.markup, `<p title="${escaped}">${escaped}</p>`);
    }),
  );
  assert.equal(html`${[html`<b>${"<"}</b>`, html`<i></i>`]}${null}${0}`.markup, "<b>&lt;</b><i></i>0");
});

test("log-ins at two gateways of one machine stand side by side", () => {
  const cookies = [access, openAccess("another token of another gateway")].map(({ sessionCookie }) => sessionCookie.split(";", 1)[0] ?? "");
  // What a browser sends to both: one value for each name.
  const jar = new Map(cookies.map((cookie) => cookie.split("=", 2) as [string, string]));
  assert.equal(asked({ cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; ") }), "session");
});
