import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, suite, test } from "node:test";
import { PolicyClock } from "../lib/clock.ts";
import { Identity } from "./identity.ts";
import type { IdentityOptions } from "./options.ts";
import { PasswordVerifier } from "./password-verifier.ts";

const shopKey = "SG.shop.0123456789abcdefghijklmnopqrstuvwxyz";
const crmKey = "SG.crm.0123456789abcdefghijklmnopqrstuvwxyz";
const client = "5a9db0c5-0000-4000-8000-00000000a001";
const tenant = "5a9db0c5-0000-4000-8000-c0070c0e0000";
const principals: IdentityOptions["principals"] = [
  { name: "shop", reversePaths: ["*"], logins: [{ user: "apikey", key: shopKey }] },
  { name: "crm", reversePaths: ["*"], logins: [{ user: "apikey", sha256: createHash("sha256").update(crmKey).digest("hex") }] },
  { name: "acs", reversePaths: ["*"], logins: [{ user: `contoso-acs.${client}.${tenant}`, password: "client secret" }] },
  {
    name: "scanner",
    password: "own password",
    reversePaths: ["*"],
    logins: [{ user: "hve-scanner@contoso.example", password: "Sandbox-Hve-1" }],
  },
];

suite("log-ins that principals keep", () => {
  const passwords = new PasswordVerifier();
  after(() => passwords[Symbol.asyncDispose]());
  const open = (given = principals) => new Identity({ networks: [], principals: given }, { clock: new PolicyClock(), passwords });
  const who = async (identity: Identity, user: string, secret: string, address = "192.0.2.1") => {
    const result = await identity.logIn(user, secret, address);
    return result.ok ? result.principal.name : result.code;
  };

  test("one user name, and the key says whose", async () => {
    const identity = open();
    assert.equal(await who(identity, "apikey", shopKey), "shop");
    assert.equal(await who(identity, "apikey", crmKey), "crm");
    assert.equal(await who(identity, "apikey", `${crmKey}x`), "submission.bad-credentials");
    assert.equal(
      await who(identity, "crm", crmKey),
      "submission.bad-credentials",
      "the key belongs to the user name, not to the principal's",
    );
  });

  test("a principal has its own password and those of its other user names, each for itself", async () => {
    const identity = open();
    assert.equal(await who(identity, "scanner", "own password"), "scanner");
    assert.equal(await who(identity, "HVE-Scanner@contoso.example", "Sandbox-Hve-1"), "scanner");
    assert.equal(await who(identity, "scanner", "Sandbox-Hve-1"), "submission.bad-credentials");
  });

  test("an ACS user name is the same with either separator", async () => {
    const identity = open();
    for (const user of [
      `contoso-acs.${client}.${tenant}`,
      `contoso-acs|${client}|${tenant}`,
      `Contoso-ACS|${client.toUpperCase()}.${tenant}`,
    ])
      assert.equal(await who(identity, user, "client secret"), "acs", user);
    assert.equal(await who(identity, `contoso-acs,${client},${tenant}`, "client secret"), "submission.bad-credentials");
  });

  test("a lock of `apikey` from one address holds there, but not for the key in use there, nor elsewhere", async () => {
    const identity = open();
    assert.equal(await who(identity, "apikey", shopKey), "shop");
    for (let n = 0; n < 6; n++) await who(identity, "apikey", `guess ${n}`);
    assert.equal(await who(identity, "apikey", "guess"), "submission.locked-out");
    assert.equal(await who(identity, "apikey", crmKey), "submission.locked-out", "a good guess is not told from a bad one");
    assert.equal(await who(identity, "apikey", shopKey), "shop");
    assert.equal(await who(identity, "apikey", crmKey, "198.51.100.7"), "crm");
  });

  test("a key of one's own does not clear what was guessed about another's password under the same user name", async () => {
    const legacy = { name: "legacy", reversePaths: ["*"], logins: [{ user: "apikey", password: "Sandbox-Legacy-1" }] };
    const identity = open([...principals, legacy]);
    const answers: string[] = [];
    for (let n = 0; n < 8; n++) {
      answers.push(await who(identity, "apikey", `guess ${n}`));
      assert.equal(await who(identity, "apikey", shopKey), "shop");
    }
    assert.deepEqual(new Set(answers.slice(0, 5)), new Set(["submission.bad-credentials"]));
    assert.deepEqual(new Set(answers.slice(5)), new Set(["submission.locked-out"]));
    // Where keys alone share the name there is nothing to guess, and a success clears the count.
    const keysAlone = open();
    for (let n = 0; n < 8; n++) {
      assert.equal(await who(keysAlone, "apikey", `guess ${n}`), "submission.bad-credentials");
      assert.equal(await who(keysAlone, "apikey", shopKey), "shop");
    }
  });

  test("a key taken out of the configuration is believed no longer", async () => {
    const identity = open();
    assert.equal(await who(identity, "apikey", crmKey), "crm");
    identity.reconfigure({ networks: [], principals: principals.filter(({ name }) => name !== "crm") });
    assert.equal(await who(identity, "apikey", crmKey), "submission.bad-credentials");
    assert.equal(await who(identity, "apikey", shopKey), "shop");
  });

  test("what leaves two readings is refused at start", () => {
    assert.throws(
      () => open([...principals, { name: "twin", reversePaths: ["*"], logins: [{ user: "APIKEY", key: shopKey }] }]),
      /same key/,
    );
    assert.throws(
      () => open([...principals, { name: "twin", reversePaths: ["*"], logins: [{ user: "scanner", password: "x" }] }]),
      /two passwords/,
    );
  });
});
