import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Clock } from "../lib/clock.ts";
import { Identity, type IdentityDeps, type LogIn } from "./identity.ts";
import { LockOut } from "./lock-out.ts";
import type { IdentityOptions } from "./options.ts";
import { hashPassword, isPasswordHash, verifyPassword } from "./password-hash.ts";
import { PasswordVerifier } from "./password-verifier.ts";

class TestClock implements Clock {
  time = Date.UTC(2026, 10, 21);
  now(): number {
    return this.time;
  }
  at(): Disposable {
    throw new Error("nobody waits here");
  }
}

const anybody = { reversePaths: ["*"] };
const code = (result: LogIn): string => (result.ok ? `ok ${result.principal.name}` : result.code);

describe("password hash", () => {
  test("a hash verifies its password and no other", () => {
    const hash = hashPassword("pässword");
    assert.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    assert.ok(verifyPassword(hash, "pässword"));
    assert.ok(!verifyPassword(hash, "password"));
    assert.notEqual(hashPassword("pässword"), hash);
  });

  test("a hash of the reference implementation verifies", () => {
    // From the test vectors of the reference implementation (phc-winner-argon2, src/test.c).
    const hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    assert.ok(verifyPassword(hash, "password"));
    assert.ok(!verifyPassword(hash, "Password"));
  });

  for (const bad of [
    "",
    "$argon2i$v=19$m=16,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    "$argon2id$v=19$m=9999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    "$argon2id$v=19$m=4,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
  ]) {
    test(`not a hash: ${bad.slice(0, 30)}`, () => assert.ok(!isPasswordHash(bad)));
  }
});

describe("trusted networks", () => {
  const clock = new TestClock();
  const networks: IdentityOptions["networks"] = [
    { name: "wide", addresses: ["10.0.0.0/8", "fd00::/8"], reversePaths: ["@contoso.example"] },
    { name: "printers", addresses: ["10.1.0.0/16"], reversePaths: ["printer@contoso.example"] },
    { name: "one", addresses: ["10.1.2.3"], ...anybody, listeners: ["legacy"] },
  ];
  const identity = new Identity({ networks, principals: [] }, { clock });
  after(() => identity[Symbol.asyncDispose]());

  const rows: [address: string, listener: string, expected: string | undefined][] = [
    ["10.9.9.9", "smtp", "net:wide"],
    ["10.1.9.9", "smtp", "net:printers"],
    ["::ffff:10.1.9.9", "smtp", "net:printers"],
    ["10.1.2.3", "legacy", "net:one"],
    ["10.1.2.3", "smtp", "net:printers"],
    ["fd12::1", "smtp", "net:wide"],
    ["11.0.0.1", "smtp", undefined],
    ["::1", "smtp", undefined],
  ];
  for (const [address, listener, expected] of rows) {
    test(`${address} on ${listener} is ${expected}`, () => assert.equal(identity.networkOf(address, listener)?.name, expected));
  }

  test("what is no network is refused at start", () => {
    assert.throws(
      () => new Identity({ networks: [{ name: "x", addresses: ["10.0.0.0/33"], ...anybody }], principals: [] }, { clock }),
      /10\.0\.0\.0\/33/,
    );
  });
});

describe("log-in", () => {
  const clock = new TestClock();
  const hash = hashPassword("right");
  const principals: IdentityOptions["principals"] = [
    { name: "printer", password: { hash }, ...anybody },
    { name: "director", password: { hash }, tokens: [{ user: "Director@contoso.example" }], ...anybody },
    { name: "robot", tokens: [{ application: "AAAAAAAA-0000-4000-8000-000000000001" }], ...anybody },
    { name: "robot-2", tokens: [{ application: "aaaaaaaa-0000-4000-8000-000000000001" }], ...anybody },
    { name: "plain", password: "from a file", ...anybody },
  ];
  // One worker for all; each test gets an identity of its own, so that counts do not mix.
  const passwords = new PasswordVerifier();
  after(() => passwords[Symbol.asyncDispose]());
  const open = (deps: Partial<IdentityDeps> = {}): Identity => new Identity({ networks: [], principals }, { clock, passwords, ...deps });
  const home = "10.0.0.1";
  const minute = 60_000;

  test("a password from the configuration, a hash, any case of the name", async () => {
    const identity = open();
    assert.equal(code(await identity.logIn("plain", "from a file", home)), "ok plain");
    assert.equal(code(await identity.logIn("Printer", "right", home)), "ok printer");
    assert.equal(code(await identity.logIn("printer", "Right", home)), "submission.bad-credentials");
    assert.equal(code(await identity.logIn("nobody", "right", home)), "submission.bad-credentials");
  });

  test("failures answer later and later, then lock the pair out, and nobody else", async () => {
    const identity = open();
    const delays: number[] = [];
    for (let i = 0; i < 5; i++) {
      const result = await identity.logIn("printer", "wrong", home);
      assert.ok(!result.ok);
      delays.push(result.delayMs);
    }
    assert.deepEqual(delays, [250, 500, 1000, 2000, 4000]);
    assert.equal(code(await identity.logIn("printer", "right", home)), "submission.locked-out");
    assert.equal(code(await identity.logIn("printer", "right", "10.0.0.2")), "ok printer");
    assert.equal(code(await identity.logIn("director", "right", home)), "ok director");
    clock.time += 15 * minute;
    assert.equal(code(await identity.logIn("printer", "right", home)), "ok printer");
  });

  test("an address that guesses at many names is locked out for all of them", async () => {
    const identity = open();
    for (let i = 0; i < 20; i++) await identity.logIn(`guess${i}`, "wrong", "2001:db8::1");
    assert.equal(code(await identity.logIn("director", "right", "2001:db8::ffff")), "submission.locked-out");
    assert.equal(code(await identity.logIn("director", "right", "2001:db8:0:1::1")), "ok director");
  });

  test("a device is never locked out where it is known, and guessing there still is", async () => {
    const identity = open();
    assert.equal(code(await identity.logIn("printer", "right", home)), "ok printer");
    clock.time += 10 * minute;
    for (let i = 0; i < 30; i++) await identity.logIn("printer", "wrong", home);
    assert.equal(code(await identity.logIn("printer", "wrong", home)), "submission.locked-out");
    assert.equal(code(await identity.logIn("printer", "right", home)), "ok printer");
    assert.equal(code(await identity.logIn("printer", "right", home)), "ok printer");
  });

  test("a good log-in does not wipe out an address's failures", async () => {
    const identity = open();
    for (let i = 0; i < 20; i++) {
      await identity.logIn(`guess${i}`, "wrong", home);
      if (i === 10) assert.equal(code(await identity.logIn("printer", "right", home)), "ok printer");
    }
    assert.equal(code(await identity.logIn("director", "right", home)), "submission.locked-out");
  });

  test("guesses in parallel are counted like guesses in a row", async () => {
    const identity = open();
    const results = await Promise.all(Array.from({ length: 30 }, (_, i) => identity.logIn("printer", `wrong ${i}`, home)));
    const told = results.map(code);
    assert.equal(told.filter((one) => one === "submission.bad-credentials").length, 5);
    assert.equal(told.filter((one) => one === "submission.locked-out").length, 25);
  });

  test("a full line is busy, not a wait", async () => {
    await using narrow = new PasswordVerifier({ maxWaiting: 2 });
    const identity = open({ passwords: narrow });
    await identity.logIn("plain", "from a file", home);
    const results = await Promise.all(Array.from({ length: 4 }, (_, i) => identity.logIn("printer", "right", `10.0.1.${i}`)));
    assert.equal(results.filter((result) => result.ok).length, 2);
    assert.equal(results.filter((result) => code(result) === "submission.busy").length, 2);
  });

  test("no token is good until an issuer is configured", async () => {
    const identity = open();
    assert.equal(code(await identity.logInWithToken("printer", "e30.e30.", home, AbortSignal.timeout(1000))), "submission.bad-credentials");
  });

  test("a token stands for the principal its verifier names", async () => {
    const identity = open({
      tokens: { verify: (token) => Promise.resolve(token === "good" ? { kind: "user", names: ["director@contoso.example"] } : null) },
    });
    assert.equal(code(await identity.logInWithToken("x", "good", home, AbortSignal.timeout(1000))), "ok director");
    assert.equal(code(await identity.logInWithToken("x", "bad", home, AbortSignal.timeout(1000))), "submission.bad-credentials");
  });

  test("of several principals of one application the one that is named; a user's token is no application's", async () => {
    const clientId = "aaaaaaaa-0000-4000-8000-000000000001";
    const verify = (token: string) =>
      Promise.resolve(token === "app" ? ({ kind: "application", clientId } as const) : ({ kind: "user", names: [clientId] } as const));
    const identity = open({ tokens: { verify } });
    const log = async (name: string, token: string) => code(await identity.logInWithToken(name, token, home, AbortSignal.timeout(1000)));
    assert.equal(await log("Robot-2", "app"), "ok robot-2");
    assert.equal(await log("app@contoso.example", "app"), "submission.bad-credentials");
    assert.equal(await log("director", "app"), "submission.bad-credentials");
    assert.equal(await log("robot", "user"), "submission.bad-credentials");
  });

  test("keys that cannot be had are no failed log-in", async () => {
    const identity = open({ tokens: { verify: () => Promise.resolve("busy") } });
    for (let i = 0; i < 10; i++)
      assert.equal(code(await identity.logInWithToken("robot", "app", home, AbortSignal.timeout(1000))), "submission.busy");
  });

  test("a principal without a password has none that could be guessed", async () => {
    const identity = open();
    for (const password of ["", "no such principal", "undefined"])
      assert.equal(code(await identity.logIn("robot", password, home)), "submission.bad-credentials");
  });
});

describe("rates", () => {
  const clock = new TestClock();
  const rate = { messages: 3, perMs: 60_000 };
  const identity = new Identity({ networks: [{ name: "slow", addresses: ["10.0.0.0/8"], ...anybody, rate }], principals: [] }, { clock });
  after(() => identity[Symbol.asyncDispose]());
  let principal: NonNullable<ReturnType<Identity["networkOf"]>>;
  before(() => {
    const found = identity.networkOf("10.0.0.1", "smtp");
    assert.ok(found);
    principal = found;
  });

  test("a burst of the whole, then evenly", () => {
    assert.deepEqual(
      [1, 2, 3, 4].map(() => identity.admit(principal)),
      [0, 0, 0, 20_000],
    );
    clock.time += 20_000;
    assert.deepEqual(
      [1, 2].map(() => identity.admit(principal)),
      [0, 20_000],
    );
    identity.giveBack(principal);
    assert.equal(identity.admit(principal), 0);
  });

  test("a clock that is moved back refills nothing and blocks nobody", () => {
    clock.time -= 3_600_000;
    assert.ok(identity.admit(principal) > 0);
    clock.time += 20_000;
    assert.equal(identity.admit(principal), 0);
  });
});

test("names of kilobytes cost the lock-out no memory, and are still counted", () => {
  const lockOut = new LockOut();
  const name = (n: number): string => String(n).padStart(9000, "u");
  for (let n = 0; n < 5; n++) lockOut.failed("192.0.2.1", name(n), 0);
  assert.ok(lockOut.isLocked("192.0.2.1", name(99), 0));
  assert.ok(!lockOut.isLocked("192.0.2.1", "app", 0));
});

describe("a configuration that is read again", () => {
  const network = { name: "office", addresses: ["10.0.0.0/8"], reversePaths: ["@contoso.example"], rate: { messages: 1, perMs: 60_000 } };
  const app = { name: "app", password: "old-password", ...anybody };
  const other = { name: "other", password: "other-password", ...anybody };

  test("networks, fences and passwords are the new ones; what did not change goes on", async () => {
    await using identity = new Identity({ networks: [network], principals: [app, other] }, { clock: new TestClock() });
    const { generation } = identity;
    assert.equal(code(await identity.logIn("app", "old-password", "192.0.2.1")), "ok app");
    const office = identity.networkOf("10.1.1.1", "smtp") ?? assert.fail();
    assert.equal(identity.admit(office), 0);

    identity.reconfigure({
      networks: [
        { ...network, reversePaths: ["scanner@contoso.example"] },
        { ...network, name: "plant", addresses: ["172.16.0.0/12"] },
      ],
      principals: [
        { ...app, password: "new-password" },
        { ...other, reversePaths: ["invoices@contoso.example"] },
      ],
    });
    assert.notEqual(identity.generation, generation);
    const present = identity.networkOf("10.1.1.1", "smtp") ?? assert.fail();
    assert.deepEqual(present.reversePaths, ["scanner@contoso.example"]);
    assert.ok(identity.admit(present) > 0, "the rate goes on where it was");
    assert.equal(identity.networkOf("172.16.1.1", "smtp")?.name, "net:plant");
    assert.equal(code(await identity.logIn("app", "old-password", "192.0.2.1")), "submission.bad-credentials");
    assert.equal(code(await identity.logIn("app", "new-password", "192.0.2.1")), "ok app");
    assert.equal(code(await identity.logIn("other", "other-password", "192.0.2.1")), "ok other");
    assert.deepEqual(identity.principal("other")?.reversePaths, ["invoices@contoso.example"]);

    identity.reconfigure({ networks: [], principals: [other] });
    assert.equal(identity.networkOf("10.1.1.1", "smtp"), null);
    assert.equal(identity.principal("app"), null);
    assert.equal(code(await identity.logIn("app", "new-password", "192.0.2.1")), "submission.bad-credentials");
  });

  test("a faulty one changes nothing", async () => {
    await using identity = new Identity({ networks: [network], principals: [app] }, { clock: new TestClock() });
    assert.throws(() => identity.reconfigure({ networks: [{ ...network, addresses: ["10.0.0.0/99"] }], principals: [] }), /not a network/);
    assert.equal(identity.networkOf("10.1.1.1", "smtp")?.name, "net:office");
    assert.equal(code(await identity.logIn("app", "old-password", "192.0.2.1")), "ok app");
  });
});
