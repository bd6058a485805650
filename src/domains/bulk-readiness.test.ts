import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { DnsServer, type ScriptedAnswer } from "../../test/support/dns-server.ts";
import { DnsClient } from "../lib/dns/dns-client.ts";
import type { ServiceKind } from "../services/service.ts";
import { checkBulkReadiness, type PublishedKey } from "./bulk-readiness.ts";

const key: PublishedKey = { domain: "contoso.example", selector: "2026", record: "v=DKIM1; k=rsa; p=AAAA" };
const spf = "v=spf1 include:spf.protection.outlook.com -all";
const dmarc = { "_dmarc.contoso.example": "v=DMARC1; p=none" };
const exchange = { "contoso.example": spf, "selector1._domainkey.contoso.example": "v=DKIM1; k=rsa; p=BBBB", ...dmarc };

/** What is found by a real client at a name server that has these TXT records. */
async function found(
  zone: Readonly<Record<string, string>>,
  ways: readonly (ServiceKind | null)[],
  { keys = [key], domain = "contoso.example", rcode }: { keys?: readonly PublishedKey[]; domain?: string; rcode?: "SERVFAIL" } = {},
) {
  await using server = await DnsServer.start((name, type): ScriptedAnswer => {
    if (rcode !== undefined) return { rcode };
    const text = type === "TXT" ? zone[name] : undefined;
    return text === undefined ? { rcode: "NXDOMAIN" } : { answers: [{ type: "TXT", name, ttl: 60, data: [text] }] };
  });
  const dns = new DnsClient({ servers: [server.place], trusted: false, timeoutMs: 1000 }, () => Date.now());
  return await checkBulkReadiness({ domain, ways: new Set(ways), keys }, dns, AbortSignal.timeout(10_000));
}

suite("mail that leaves by Exchange Online", () => {
  test("passes with all three", async () => {
    assert.deepEqual(await found(exchange, ["smtp-auth", "connector"]), { passes: true, missing: [], unchecked: [] });
    const led = { ...exchange, "contoso.example": "v=spf1 redirect=_spf.contoso.example", "_spf.contoso.example": spf };
    assert.equal((await found(led, ["hve"])).passes, true, "SPF by another record");
  });

  test("each that is missing is told", async () => {
    assert.deepEqual(await found({}, ["smtp-auth"]), {
      passes: false,
      missing: [
        "DKIM: there is no key at selector1._domainkey.contoso.example or selector2._domainkey.contoso.example",
        "SPF: contoso.example has no record",
        "DMARC: there is no record at _dmarc.contoso.example",
      ],
      unchecked: [],
    });
    const revoked = { ...exchange, "selector1._domainkey.contoso.example": "v=DKIM1; p=" };
    assert.match((await found(revoked, ["smtp-auth"])).missing[0] ?? "", /^DKIM: there is no key/);
    const other = { ...exchange, "contoso.example": "v=spf1 include:sendgrid.net -all" };
    assert.deepEqual((await found(other, ["smtp-auth"])).missing, [
      "SPF: the record of contoso.example does not name include:spf.protection.outlook.com",
    ]);
  });

  test("a record in a circle ends", async () => {
    const circle = {
      ...exchange,
      "contoso.example": "v=spf1 include:contoso.example include:b.example",
      "b.example": "v=spf1 include:contoso.example",
    };
    assert.equal((await found(circle, ["smtp-auth"])).passes, false);
  });

  test("DMARC of the domain above holds for a sub-domain", async () => {
    const zone = { "news.contoso.example": spf, "selector2._domainkey.news.contoso.example": "p=BBBB", ...dmarc };
    assert.equal((await found(zone, ["smtp-auth"], { domain: "news.contoso.example" })).passes, true);
  });
});

test("direct mail: our key must be published; whether SPF names our address is not known, and said", async () => {
  const zone = { "contoso.example": "v=spf1 ip4:192.0.2.7 -all", "2026._domainkey.contoso.example": "v=DKIM1; k=rsa; p=AA AA", ...dmarc };
  const unchecked = ["whether SPF of contoso.example names the address that its mail leaves from"];
  assert.deepEqual(await found(zone, ["mx"]), { passes: false, missing: [], unchecked });
  const another = { ...zone, "2026._domainkey.contoso.example": "v=DKIM1; k=rsa; p=CCCC" };
  assert.deepEqual((await found(another, ["mx"])).missing, ["DKIM: 2026._domainkey.contoso.example does not publish our key"]);
  assert.match((await found(zone, ["mx"], { keys: [] })).missing[0] ?? "", /nothing signs contoso\.example/);
});

test("of a next hop that nobody knows, and of name servers that do not answer, nothing is assumed", async () => {
  const { missing, unchecked } = await found({ "contoso.example": spf, ...dmarc }, [null]);
  assert.deepEqual([missing, unchecked.length], [[], 2]);
  const failed = await found({}, ["smtp-auth"], { rcode: "SERVFAIL" });
  assert.deepEqual([failed.passes, failed.missing], [false, []]);
  assert.match(failed.unchecked[0] ?? "", /name servers did not answer/);
});
