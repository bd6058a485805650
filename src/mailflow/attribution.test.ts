import assert from "node:assert/strict";
import { test } from "node:test";
import { findIncoming, findOriginating, isCertificateName, type ConnectorFacts, type Evidence } from "./attribution.ts";

const accepted = (domain: string): boolean => domain === "contoso.example" || domain === "sub.contoso.example";

function connector(name: string, facts: Partial<ConnectorFacts>): ConnectorFacts {
  return {
    name,
    enabled: true,
    connectorType: "OnPremises",
    senderDomains: ["smtp:*;1"],
    senderIPAddresses: [],
    tlsSenderCertificateName: null,
    requireTls: false,
    restrictDomainsToIPAddresses: false,
    restrictDomainsToCertificate: false,
    associatedAcceptedDomains: [],
    ...facts,
  };
}

function evidence(facts: Partial<Evidence>): Evidence {
  return {
    address: "203.0.113.200",
    tls: facts.certificateNames !== undefined,
    certificateNames: [],
    senderDomain: "contoso.example",
    ...facts,
  };
}

const byCertificate = connector("certificate", { requireTls: true, tlsSenderCertificateName: "gw.contoso.example" });
const byWildcard = connector("wildcard", { requireTls: true, tlsSenderCertificateName: "*.contoso.example" });
const byAddress = connector("address", { senderIPAddresses: ["203.0.113.0/24"] });

test("phase A: certificate beats address, exact beats wildcard, the narrowest network wins", () => {
  const all = [byAddress, byWildcard, byCertificate];
  const found = (facts: Partial<Evidence>, connectors = all) => {
    const originating = findOriginating(connectors, evidence(facts), accepted);
    return originating === null ? null : `${originating.connector.name} by ${originating.by}`;
  };
  assert.equal(found({ certificateNames: ["GW.contoso.example"] }), "certificate by certificate");
  assert.equal(found({ certificateNames: ["other.contoso.example"] }), "wildcard by certificate");
  assert.equal(found({ certificateNames: ["gw.fabrikam.example"] }), "address by ip");
  assert.equal(found({}), "address by ip");
  assert.equal(found({ address: "198.51.100.1" }), null);
  assert.equal(found({ address: "2001:db8::1" }), null);
  // By address MAIL FROM must be of an accepted domain, by certificate the name's domain is enough: SRS takes care of the sender.
  assert.equal(found({ senderDomain: "fabrikam.example" }), null);
  assert.equal(found({ senderDomain: "" }), null);
  assert.equal(found({ certificateNames: ["gw.contoso.example"], senderDomain: "fabrikam.example" }), "certificate by certificate");
  const narrow = connector("narrow", { senderIPAddresses: ["203.0.113.200"] });
  assert.equal(found({}, [byAddress, narrow]), "narrow by ip");
  // Nothing larger than /24 can be stored, and nothing larger counts.
  assert.equal(found({}, [connector("wide", { senderIPAddresses: ["203.0.0.0/16"] })]), null);
  assert.equal(found({}, [{ ...byAddress, enabled: false }]), null);
  assert.equal(found({}, [{ ...byAddress, associatedAcceptedDomains: ["sub.contoso.example"] }]), null);
  assert.equal(
    found({ senderDomain: "sub.contoso.example" }, [{ ...byAddress, associatedAcceptedDomains: ["sub.contoso.example"] }]),
    "address by ip",
  );
  // The certificate's domain has to be an accepted domain, and its name counts only with RequireTls.
  const foreign = connector("foreign", { requireTls: true, tlsSenderCertificateName: "gw.fabrikam.example" });
  assert.equal(found({ certificateNames: ["gw.fabrikam.example"] }, [foreign]), null);
  assert.equal(found({ certificateNames: ["gw.contoso.example"] }, [{ ...byCertificate, requireTls: false }]), null);
  assert.equal(found({}, [{ ...byAddress, connectorType: "Partner" }]), null);
});

test("phase B: a partner's restrictions are met, or its sender is kept out", () => {
  const partner = (facts: Partial<ConnectorFacts>) => connector("partner", { connectorType: "Partner", ...facts });
  const kind = (connectors: readonly ConnectorFacts[], facts: Partial<Evidence>): string => {
    const incoming = findIncoming(connectors, evidence({ senderDomain: "fabrikam.example", ...facts }));
    return incoming.kind === "partner" ? `partner by ${incoming.by}` : incoming.kind;
  };
  const locked = partner({ restrictDomainsToCertificate: true, requireTls: true, tlsSenderCertificateName: "*.seg.example" });
  assert.equal(kind([], {}), "default");
  assert.equal(kind([locked], { certificateNames: ["mx1.seg.example"] }), "partner by certificate");
  assert.equal(kind([locked], { certificateNames: ["mx1.other.example"] }), "locked-out");
  assert.equal(kind([locked], {}), "needs-tls");
  const addressed = partner({ restrictDomainsToIPAddresses: true, senderIPAddresses: ["203.0.113.200"] });
  assert.equal(kind([addressed], {}), "partner by ip");
  assert.equal(kind([addressed], { address: "203.0.113.9" }), "locked-out");
  // Without the restriction the addresses of a Partner connector mean nothing.
  assert.equal(kind([partner({ senderIPAddresses: ["203.0.113.9"] })], {}), "partner by sender-domain");
  assert.equal(kind([partner({ senderDomains: ["smtp:*.fabrikam.example;1"] })], {}), "default");
  assert.equal(
    kind([partner({ senderDomains: ["smtp:*.fabrikam.example;1"] })], { senderDomain: "sub.fabrikam.example" }),
    "partner by sender-domain",
  );
  assert.equal(kind([partner({ senderDomains: ["smtp:fabrikam.example;1"] })], { senderDomain: "" }), "default");
  assert.equal(kind([partner({ requireTls: true })], {}), "needs-tls");
  assert.equal(kind([byAddress], {}), "default");
});

test("a wildcard name stands for the domain and everything below it", () => {
  assert.ok(isCertificateName("*.contoso.example", "contoso.example"));
  assert.ok(isCertificateName("*.contoso.example", "a.b.contoso.example"));
  assert.ok(isCertificateName("*.contoso.example", "*.contoso.example"));
  assert.ok(!isCertificateName("*.contoso.example", "evilcontoso.example"));
  assert.ok(!isCertificateName("gw.contoso.example", "*.contoso.example"));
});
