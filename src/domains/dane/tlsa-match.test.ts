import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { before, test } from "node:test";
import fc from "fast-check";
import { skipUnless } from "../../../test/support/programs.ts";
import { createAuthority, createServerCertificate } from "../../lib/certificates.ts";
import type { TlsaRecord } from "../../lib/dns/dns.ts";
import { isUsable, matchTlsa } from "./tlsa-match.ts";

let leaf: X509Certificate;
let authority: X509Certificate;
let stranger: X509Certificate;
before(async () => {
  const made = await createAuthority("Test");
  authority = new X509Certificate(made.cert);
  leaf = new X509Certificate((await createServerCertificate(made, ["mx.fabrikam.example"])).cert);
  stranger = new X509Certificate((await createAuthority("Test")).cert);
});

const names = ["mx.fabrikam.example"];
const soon = Date.now();
const anYear = 400 * 86_400_000;

/** As OpenSSL computes it: RFC 6698 appendix A. */
function association(certificate: X509Certificate, selector: number, matching: number): Buffer {
  const openssl = (args: readonly string[], input: string | Buffer) => execFileSync("openssl", args, { input });
  const pem = certificate.toString();
  const selected =
    selector === 0
      ? openssl(["x509", "-outform", "DER"], pem)
      : openssl(["pkey", "-pubin", "-outform", "DER"], openssl(["x509", "-noout", "-pubkey"], pem));
  return matching === 0 ? selected : openssl(["dgst", matching === 1 ? "-sha256" : "-sha512", "-binary"], selected);
}

test("every usable kind of record, as OpenSSL computes it, fits its certificate and no other", { skip: skipUnless("openssl") }, () => {
  for (const selector of [0, 1]) {
    for (const matching of [0, 1, 2]) {
      const own: TlsaRecord = { usage: 3, selector, matching, data: association(leaf, selector, matching) };
      assert.equal(matchTlsa([own], [leaf, authority], names, soon), "match");
      assert.equal(matchTlsa([own], [authority], names, soon), "no-match");
      // RFC 7671 §5.1: of DANE-EE neither name nor date matters.
      assert.equal(matchTlsa([own], [leaf], ["other.example"], soon + anYear), "match");
      const anchor: TlsaRecord = { usage: 2, selector, matching, data: association(authority, selector, matching) };
      assert.equal(matchTlsa([anchor], [leaf, authority], names, soon), "match");
      assert.equal(matchTlsa([anchor], [leaf, authority], ["other.example"], soon), "wrong-name");
      assert.equal(matchTlsa([anchor], [leaf, authority], names, soon + anYear), "expired");
      // The authority has to be sent (RFC 7672 §3.1.2), and to have signed.
      assert.equal(matchTlsa([anchor], [leaf], names, soon), "no-match");
      const other: TlsaRecord = { usage: 2, selector, matching, data: association(stranger, selector, matching) };
      assert.equal(matchTlsa([other], [leaf, stranger], names, soon), "no-match");
      // RFC 7672 §3.1.3: the usages of the web are not used with SMTP.
      for (const usage of [0, 1])
        assert.equal(
          matchTlsa(
            [
              { ...own, usage },
              { ...anchor, usage },
            ],
            [leaf, authority],
            names,
            soon,
          ),
          "no-match",
        );
      // One that fits is enough.
      assert.equal(matchTlsa([other, own], [leaf, authority], ["other.example"], soon), "match");
    }
  }
});

test("a bit that differs, a length that differs, an unknown number: no match", () => {
  const data = Buffer.from(leaf.fingerprint256.replaceAll(":", ""), "hex");
  const right: TlsaRecord = { usage: 3, selector: 0, matching: 1, data };
  assert.equal(matchTlsa([right], [leaf], names, soon), "match");
  fc.assert(
    fc.property(fc.nat(31), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const wrong = Buffer.from(data);
      wrong[at] = (wrong[at] as number) ^ change;
      return matchTlsa([{ ...right, data: wrong }], [leaf, authority], names, soon) === "no-match";
    }),
  );
  const number = fc.integer({ min: 0, max: 255 });
  fc.assert(
    fc.property(number, number, number, fc.uint8Array({ maxLength: 80 }), (usage, selector, matching, bytes) => {
      const record = { usage, selector, matching, data: Buffer.from(bytes) };
      assert.equal(matchTlsa([record], [leaf, authority], names, soon), "no-match");
      if (isUsable(record)) assert.ok([2, 3].includes(usage) && [0, 1].includes(selector) && [0, 1, 2].includes(matching));
    }),
  );
  for (const cut of [0, 31]) assert.equal(matchTlsa([{ ...right, data: data.subarray(0, cut) }], [leaf], names, soon), "no-match");
  assert.equal(matchTlsa([right], [], names, soon), "no-match");
});

test("a certificate that is no authority vouches for nobody", async () => {
  const made = await createAuthority("Test");
  const middle = await createServerCertificate(made, ["middle.example"]);
  const forged = new X509Certificate((await createServerCertificate(middle, ["mx.fabrikam.example"])).cert);
  const anchor = new X509Certificate(middle.cert);
  const record: TlsaRecord = { usage: 2, selector: 0, matching: 1, data: Buffer.from(anchor.fingerprint256.replaceAll(":", ""), "hex") };
  assert.equal(matchTlsa([record], [forged, anchor], names, soon), "no-match");
});
