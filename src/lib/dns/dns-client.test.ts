import assert from "node:assert/strict";
import { test } from "node:test";
import { composeAnswer, DnsServer, record, soa } from "../../../test/support/dns-server.ts";
import { DnsClient, type DnsClientOptions } from "./dns-client.ts";
import { DnsFailed } from "./dns.ts";

const { signal } = new AbortController();

function clientOf(server: DnsServer, options: Partial<DnsClientOptions> = {}, now: () => number = () => 1_000_000): DnsClient {
  return new DnsClient({ servers: [server.place], trusted: false, timeoutMs: 2000, ...options }, now);
}

test("records of every type come as the port tells", async () => {
  await using server = await DnsServer.withZone({
    "fabrikam.example MX": [{ preference: 10, exchange: "MX1.Fabrikam.example" }],
    "null.example MX": [{ preference: 0, exchange: "." }],
    "mx1.fabrikam.example A": ["192.0.2.1"],
    "mx1.fabrikam.example AAAA": ["2001:db8::1"],
    "_mta-sts.fabrikam.example TXT": [["v=STSv1;", " id=1;"]],
    "_25._tcp.mx1.fabrikam.example TLSA": [{ usage: 3, selector: 1, matchingType: 1, certificate: Buffer.from("ab", "hex") }],
    "1.2.0.192.in-addr.arpa PTR": ["mx1.fabrikam.example"],
    "www.fabrikam.example CNAME": ["mx1.fabrikam.example"],
  });
  const dns = clientOf(server);
  assert.deepEqual((await dns.mx("Fabrikam.Example.", signal)).records, [{ preference: 10, exchange: "mx1.fabrikam.example" }]);
  assert.deepEqual((await dns.mx("null.example", signal)).records, [{ preference: 0, exchange: "" }]);
  assert.deepEqual((await dns.addresses("mx1.fabrikam.example", signal)).records, ["2001:db8::1", "192.0.2.1"]);
  assert.deepEqual((await dns.addresses("www.fabrikam.example", signal)).records, ["2001:db8::1", "192.0.2.1"]);
  assert.deepEqual((await dns.txt("_mta-sts.fabrikam.example", signal)).records, ["v=STSv1; id=1;"]);
  assert.deepEqual((await dns.ptr("192.0.2.1", signal)).records, ["mx1.fabrikam.example"]);
  assert.deepEqual((await dns.cname("www.fabrikam.example", signal)).records, ["mx1.fabrikam.example"]);
  const [tlsa] = (await dns.tlsa("_25._tcp.mx1.fabrikam.example", signal)).records;
  assert.deepEqual(tlsa, { usage: 3, selector: 1, matching: 1, data: Buffer.from("ab", "hex") });
  const none = await dns.mx("mx1.fabrikam.example", signal);
  assert.deepEqual([none.records, none.noSuchName], [[], false]);
  assert.equal((await dns.mx("nowhere.example", signal)).noSuchName, true);
});

test("an IPv6 address is looked up by its nibbles", async () => {
  await using server = await DnsServer.start((name) => ({ answers: [record(name, "PTR", "host.example")] }));
  await clientOf(server).ptr("2001:db8::567:89ab", signal);
  // The example of RFC 3596 §2.5 in its form for documentation addresses.
  assert.deepEqual(server.asked, ["PTR b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa udp"]);
});

test("answers are remembered as long as they say, failures a little, and by the clock that is given", async () => {
  let now = 0;
  await using server = await DnsServer.start((name) => {
    if (name === "broken.example") return { rcode: "SERVFAIL" };
    return name === "none.example"
      ? { authorities: [soa] }
      : { answers: [record(name, "MX", { preference: 1, exchange: "mx.example" }, 30)] };
  });
  const dns = clientOf(server, {}, () => now);
  const ask = async (name: string): Promise<number> => {
    const before = server.asked.length;
    await dns.mx(name, signal).catch((error: unknown) => assert.ok(error instanceof DnsFailed));
    return server.asked.length - before;
  };
  assert.deepEqual([await ask("a.example"), await ask("a.example"), await ask("none.example"), await ask("none.example")], [1, 0, 1, 0]);
  now = 29_000;
  assert.equal((await dns.mx("a.example", signal)).ttl, 1);
  now = 30_000;
  assert.deepEqual([await ask("a.example"), await ask("none.example")], [1, 0]);
  // RFC 2308 §5: the SOA's minimum, 60 seconds.
  now = 60_000;
  assert.equal(await ask("none.example"), 1);
  assert.deepEqual([await ask("broken.example"), await ask("broken.example")], [1, 0]);
  now = 65_000;
  assert.equal(await ask("broken.example"), 1);
});

test("AD is believed from a trusted resolver only", async () => {
  await using server = await DnsServer.withZone({ "signed.example MX": [{ preference: 1, exchange: "mx.signed.example" }] }, true);
  assert.equal((await clientOf(server).mx("signed.example", signal)).authentic, false);
  assert.equal((await clientOf(server, { trusted: true }).mx("signed.example", signal)).authentic, true);
});

test("an alias is authentic only when every step is", async () => {
  await using server = await DnsServer.start((name) =>
    name === "alias.example"
      ? { authentic: true, answers: [record(name, "CNAME", "target.example")] }
      : { answers: [record(name, "TXT", "x")] },
  );
  const { records, authentic } = await clientOf(server, { trusted: true }).txt("alias.example", signal);
  assert.deepEqual([records, authentic], [["x"], false]);
});

test("a truncated answer is fetched by TCP", async () => {
  const long = "x".repeat(255);
  await using server = await DnsServer.start((name) => ({
    truncated: true,
    answers: [
      record(
        name,
        "TXT",
        Array.from({ length: 200 }, () => long),
      ),
    ],
  }));
  const { records } = await clientOf(server).txt("long.example", signal);
  assert.equal(records[0]?.length, 200 * 255);
  assert.deepEqual(server.asked, ["TXT long.example udp", "TXT long.example tcp"]);
});

test("answers with another id, another question, or none of DNS are not believed", async () => {
  await using server = await DnsServer.start((name) => ({
    before: (query) => {
      const evil = [record(name, "MX", { preference: 1, exchange: "evil.example" })];
      return [
        composeAnswer({ ...query, id: ((query.id ?? 0) + 1) % 65_536 }, { answers: evil }),
        composeAnswer({ ...query, questions: [{ type: "MX", name: "other.example" }] }, { answers: evil }),
        composeAnswer({ ...query, questions: [{ type: "TXT", name }] }, { answers: evil }),
        composeAnswer({ ...query, questions: [] }, { answers: evil }),
        Buffer.alloc(3),
        Buffer.from("not a DNS message at all, and longer than a header"),
      ];
    },
    answers: [
      record(name, "MX", { preference: 1, exchange: "good.example" }),
      record("evil.example", "MX", { preference: 0, exchange: "evil.example" }),
    ],
  }));
  assert.deepEqual((await clientOf(server).mx("fabrikam.example", signal)).records, [{ preference: 1, exchange: "good.example" }]);
});

test("who guesses at answers is not listened to: TCP", async () => {
  await using server = await DnsServer.start((name, _type, transport) => ({
    before: (query) => Array.from({ length: 30 }, (_, i) => composeAnswer({ ...query, id: ((query.id ?? 0) + i + 1) % 65_536 }, {})),
    answers: [record(name, "A", transport === "tcp" ? "192.0.2.7" : "192.0.2.66")],
  }));
  const dns = clientOf(server);
  assert.deepEqual((await dns.addresses("host.example", signal)).records, ["192.0.2.7"]);
});

test("aliases without end are a failure, and a short one", async () => {
  let n = 0;
  await using server = await DnsServer.start((name) => ({ answers: [record(name, "CNAME", `a${++n}.example`)] }));
  await assert.rejects(clientOf(server).mx("start.example", signal), { name: "DnsFailed", code: "ELOOP" });
  assert.ok(server.asked.length <= 6, server.asked.join());
  await using circle = await DnsServer.start(() => ({
    answers: [record("a.example", "CNAME", "b.example"), record("b.example", "CNAME", "a.example")],
  }));
  await assert.rejects(clientOf(circle).mx("a.example", signal), { name: "DnsFailed", code: "ELOOP" });
});

test("a name server that says nothing, or refuses, is passed over for the next", async () => {
  await using silent = await DnsServer.start(() => undefined);
  await using refusing = await DnsServer.start(() => ({ rcode: "REFUSED" }));
  await using good = await DnsServer.withZone({ "a.example MX": [{ preference: 1, exchange: "mx.example" }] });
  const dns = new DnsClient({ servers: [silent.place, refusing.place, good.place], trusted: false, timeoutMs: 300 }, () => 0);
  assert.equal((await dns.mx("a.example", signal)).records.length, 1);
  assert.equal((await dns.mx("b.example", signal)).noSuchName, true);
  // The one that answered is asked first from then on.
  assert.equal(silent.asked.length, 1);
  const lost = new DnsClient({ servers: [silent.place], trusted: false, timeoutMs: 100 }, () => 0);
  await assert.rejects(lost.mx("a.example", signal), { code: "ETIMEOUT" });
});

test("a name server that cannot even be sent to is a failure like others", async () => {
  // The system refuses to connect to the broadcast address.
  const dns = new DnsClient({ servers: [{ host: "255.255.255.255", port: 53 }], trusted: false, timeoutMs: 200 }, () => 0);
  await assert.rejects(dns.mx("a.example", signal), { name: "DnsFailed", code: "EACCES" });
});

test("a server without EDNS is asked without", async () => {
  await using server = await DnsServer.start((name) => ({
    raw: (query) => {
      if ((query.additionals?.length ?? 0) === 0)
        return composeAnswer(query, { answers: [record(name, "MX", { preference: 1, exchange: "mx.example" })] });
      const bare = Buffer.alloc(12);
      bare.writeUInt16BE(query.id ?? 0, 0);
      bare.writeUInt16BE(0x8001, 2);
      return bare;
    },
  }));
  assert.equal((await clientOf(server).mx("old.example", signal)).records.length, 1);
});

test("equal questions are asked once, and others no more than allowed at a time", async () => {
  let [open, most] = [0, 0];
  await using server = await DnsServer.start((name) => ({ answers: [record(name, "MX", { preference: 1, exchange: "mx.example" })] }));
  const plain = server.answer;
  // Answers that are held back by answering only the second time it is asked.
  const seen = new Set<string>();
  server.answer = (name, type, transport) => {
    if (seen.has(name)) {
      open--;
      return plain(name, type, transport);
    }
    seen.add(name);
    most = Math.max(most, ++open);
    return undefined;
  };
  const dns = clientOf(server, { maxParallel: 4, timeoutMs: 200 });
  const names = Array.from({ length: 12 }, (_, i) => `n${i}.example`);
  await Promise.all([...names, ...names].map((name) => dns.mx(name, signal)));
  assert.equal(most, 4);
  assert.equal(server.asked.length, 24);
});

test("a caller who leaves is let go at once; the others get their answer", async () => {
  const heldBack = Promise.withResolvers<void>();
  await using server = await DnsServer.start((name) => {
    heldBack.resolve();
    return name === "x.example" && server.asked.length < 2
      ? undefined
      : { answers: [record(name, "MX", { preference: 1, exchange: "mx.example" })] };
  });
  const dns = clientOf(server, { timeoutMs: 200 });
  const leaving = new AbortController();
  const left = dns.mx("x.example", leaving.signal);
  const stays = dns.mx("x.example", signal);
  await heldBack.promise;
  leaving.abort(new Error("gone"));
  await assert.rejects(left, /gone/);
  assert.equal((await stays).records.length, 1);
});

test("names that cannot be are not asked for", async () => {
  await using server = await DnsServer.start(() => ({}));
  const dns = clientOf(server);
  for (const name of ["", `${"a".repeat(64)}.example`, "a..example", "a b.example", "ü.example", `${"a.".repeat(130)}example`]) {
    assert.equal((await dns.mx(name, signal)).noSuchName, true, name);
  }
  assert.deepEqual(server.asked, []);
});
