import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { openTestSandbox } from "../../../test/support/sandbox.ts";
import { SmtpDialog } from "../../../test/support/smtp-dialog.ts";
import { maxProxyHeader, readProxyHeader } from "./proxy-header.ts";

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");

/** Typed from the PROXY protocol's §2.2, as haproxy's `send-proxy-v2` writes it: TCP over IPv4, 198.51.100.7:35646 to 203.0.113.1:25. */
const haproxyIpv4 = bytes("0d0a0d0a000d0a515549540a 21 11 000c c6336407 cb007101 8b3e 0019");
/** TCP over IPv6, 2001:db8::7, with a TLV (PP2_TYPE_NOOP, 3 octets). */
const haproxyIpv6 = bytes(
  "0d0a0d0a000d0a515549540a 21 21 002a 20010db8000000000000000000000007 20010db8000000000000000000000001 8b3e 0019 040003 000000",
);
/** A health check: LOCAL, family unspecified. */
const haproxyLocal = bytes("0d0a0d0a000d0a515549540a 20 00 0000");

async function helloAfter(port: number, ...pieces: readonly Buffer[]): Promise<string> {
  using dialog = await SmtpDialog.open(port);
  assert.match(await dialog.reply(), /^220 /, "the greeting waits for nothing");
  for (const piece of pieces) dialog.send(piece);
  return (await dialog.say("EHLO client.example")).split("\n", 1)[0] ?? "";
}

suite("the client's address", () => {
  test("a PROXY header of version 2 says it", async () => {
    await using sandbox = await openTestSandbox();
    const port = sandbox.port("tenant-mx");
    assert.match(await helloAfter(port, haproxyIpv4), /Hello \[198\.51\.100\.7\]$/);
    assert.match(await helloAfter(port, haproxyIpv6), /Hello \[2001:db8::7\]$/);
    assert.match(await helloAfter(port, haproxyLocal), /Hello \[127\.0\.0\.1\]$/);
    // Byte by byte, and in one write with the first command behind it.
    assert.match(await helloAfter(port, ...Array.from(haproxyIpv4, (byte) => Buffer.from([byte]))), /Hello \[198\.51\.100\.7\]$/);
    assert.match(await helloAfter(port, Buffer.concat([haproxyIpv4, Buffer.from("NOOP\r\n")])), /^250 2\.0\.0 OK$/);
  });

  test("who sends none is not held up, whatever he begins with", async () => {
    await using sandbox = await openTestSandbox();
    const port = sandbox.port("tenant-mx");
    assert.match(await helloAfter(port), /Hello \[127\.0\.0\.1\]$/);
    // An empty line is not the signature, though it begins like it.
    assert.match(await helloAfter(port, Buffer.from("\r\nNOOP\r\n")), /^500 /);
  });

  test("a second header is no header", async () => {
    await using sandbox = await openTestSandbox();
    const port = sandbox.port("tenant-mx");
    assert.match(await helloAfter(port, haproxyIpv4, haproxyIpv6), /^500 /);
  });

  test("a broken header ends the connection", async () => {
    await using sandbox = await openTestSandbox();
    const version3 = Buffer.from(haproxyIpv4);
    version3[12] = 0x31;
    const long = Buffer.from(haproxyIpv4);
    long.writeUInt16BE(65_535, 14);
    const short = Buffer.from(haproxyLocal);
    short.set([0x21, 0x11], 12);
    for (const header of [version3, long, short]) {
      using dialog = await SmtpDialog.open(sandbox.port("tenant-mx"));
      await dialog.reply();
      dialog.send(header);
      await dialog.closed();
    }
  });

  test("headers are read without a throw, and never beyond their bound", () => {
    for (let length = 0; length < haproxyIpv4.length; length++)
      assert.deepEqual(readProxyHeader(haproxyIpv4.subarray(0, length)), { kind: "more" }, String(length));
    const claims = Buffer.alloc(16 + 65_535);
    haproxyIpv4.copy(claims);
    claims.writeUInt16BE(maxProxyHeader - 16, 14);
    assert.equal(readProxyHeader(claims).kind, "header");
    claims.writeUInt16BE(maxProxyHeader - 15, 14);
    assert.equal(readProxyHeader(claims).kind, "bad");
  });

  test("the map says it, and outlives a reset", async () => {
    await using sandbox = await openTestSandbox({ addresses: { "127.0.0.1": "203.0.113.5" } });
    const port = sandbox.port("tenant-mx");
    assert.match(await helloAfter(port), /Hello \[203\.0\.113\.5\]$/);
    const put = await sandbox.call("PUT", "/api/addresses", { "127.0.0.1": "203.0.113.9", "127.0.0.7": "2001:db8::9" });
    assert.deepEqual(put, { status: 200, body: { "127.0.0.1": "203.0.113.9", "127.0.0.7": "2001:db8::9" } });
    await sandbox.call("POST", "/api/reset");
    assert.match(await helloAfter(port), /Hello \[203\.0\.113\.9\]$/);
    // What a proxy says is the client's address already.
    assert.match(await helloAfter(port, haproxyIpv4), /Hello \[198\.51\.100\.7\]$/);
    assert.equal((await sandbox.call("PUT", "/api/addresses", { "127.0.0.1": "printer" })).status, 400);
    assert.equal((await sandbox.call("PUT", "/api/addresses", ["127.0.0.1"])).status, 400);
    assert.equal((await sandbox.call("GET", "/api/addresses")).body["127.0.0.1"], "203.0.113.9");
  });
});
