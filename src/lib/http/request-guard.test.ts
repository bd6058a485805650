import assert from "node:assert/strict";
import { test } from "node:test";
import { guardRequest, type RequestFacts } from "./request-guard.ts";

function verdict(facts: Partial<RequestFacts>, hosts?: ReadonlySet<string>): string {
  const result = guardRequest({ method: "GET", host: "127.0.0.1:8025", origin: undefined, fetchSite: undefined, ...facts }, hosts);
  return result.ok ? "ok" : result.code;
}

test("only loopback and listed names are served", () => {
  for (const host of ["127.0.0.1", "127.9.9.9:1", "localhost", "LOCALHOST:8025", "[::1]:8025", "a.localhost"])
    assert.equal(verdict({ host }), "ok", host);
  for (const host of [
    undefined,
    "",
    "evil.example",
    "127.0.0.1.example",
    "127.0.0.1:x",
    "localhost:1:2",
    "128.0.0.1",
    "0.0.0.0",
    "[::2]",
    "::1",
    "127.0.0.1, localhost",
    "localhost/x",
    "1.127.0.0.1",
  ]) {
    assert.equal(verdict({ host }), "request.foreign-host", host);
  }
  assert.equal(verdict({ host: "Gateway.contoso.example:8025" }, new Set(["gateway.contoso.example"])), "ok");
});

test("what changes something comes from no page but our own", () => {
  const post = { method: "POST" };
  assert.equal(verdict(post), "ok");
  assert.equal(verdict({ ...post, origin: "http://127.0.0.1:8025", fetchSite: "same-origin" }), "ok");
  assert.equal(verdict({ ...post, origin: "https://127.0.0.1:8025" }), "ok");
  for (const origin of [
    "http://127.0.0.1:8026",
    "http://localhost:8025",
    "http://127.0.0.1",
    "null",
    "http://evil.example",
    "file://",
    "",
  ]) {
    assert.equal(verdict({ ...post, origin }), "request.foreign-origin", origin);
  }
  for (const fetchSite of ["cross-site", "same-site"]) assert.equal(verdict({ ...post, fetchSite }), "request.foreign-origin");
  assert.equal(verdict({ origin: "http://evil.example", fetchSite: "cross-site" }), "ok");
});
