import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { formatDate } from "./date.ts";
import { receivedField } from "./received.ts";

const date = Date.UTC(2026, 10, 21, 11, 38, 5);
const parts = { name: "printer.contoso.example", address: "192.0.2.7", hostname: "gateway.example", protocol: "ESMTPSA", id: "0ABC", date };

suite("Received", () => {
  test("all of it", () => {
    assert.equal(
      receivedField({ ...parts, tls: "TLSv1.3 TLS_AES_256_GCM_SHA384", recipient: "bob@fabrikam.example" }),
      "Received: from printer.contoso.example ([192.0.2.7])\r\n\tby gateway.example (Postern) with ESMTPSA id 0ABC\r\n" +
        "\t(TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)\r\n\tfor <bob@fabrikam.example>;\r\n\tSat, 21 Nov 2026 11:38:05 +0000\r\n",
    );
  });

  test("names as clients give them", () => {
    const from = (name: string, address = "192.0.2.7") => receivedField({ ...parts, name, address }).split("\r\n")[0];
    assert.equal(from("[192.0.2.7]"), "Received: from [192.0.2.7] ([192.0.2.7])");
    assert.equal(from("", "2001:db8::1"), "Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1])");
    assert.equal(from("My_Computer 7"), "Received: from My_Computer?7 ([192.0.2.7])");
    assert.equal(from("x) by evil; Sat"), "Received: from x??by?evil??Sat ([192.0.2.7])");
    assert.equal(from("", ""), "Received: from localhost");
  });

  test("no name breaks out of its place", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 600 }), (name) => {
        const lines = receivedField({ ...parts, name }).split("\r\n");
        assert.equal(lines.length, 4);
        assert.match(lines[0] ?? "", /^Received: from \[?[A-Za-z0-9.:?_-]+\]? \(\[192\.0\.2\.7\]\)$/);
        assert.ok((lines[0] ?? "").length < 400);
      }),
    );
  });

  test("dates, read back by Date", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 0, 1) / 1000 }), (seconds) => {
        assert.equal(Date.parse(formatDate(seconds * 1000)), seconds * 1000);
      }),
    );
  });
});
