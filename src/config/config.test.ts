import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { ConfigError, loadConfig, parseGatewayConfig, type ConfigFault, type GatewayConfig } from "./config.ts";
import { nearest } from "./fault.ts";
import { gatewaySchema } from "./gateway-config.ts";
import { loadSandboxConfig } from "./sandbox-config.ts";

const head = `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
`;
const listeners = "listeners: [{ name: smtp, kind: relay, port: 2525 }]\n";
const networks = 'networks: [{ name: office, addresses: [10.0.0.0/8], reversePaths: ["@contoso.example"] }]\n';
const routes = "routes: [{ name: next, kind: smtp, host: mx.contoso.example }]\n";
const routing = "routing: { acceptedDomains: [contoso.example], rules: [{ name: all, routes: [next] }] }\n";
const whole = head + listeners + networks + routes + routing;

function faultsOf(text: string, env: Record<string, string> = {}): readonly ConfigFault[] {
  try {
    return parseGatewayConfig(text, "/", { env }).warnings;
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

function configOf(text: string, env: Record<string, string> = {}): GatewayConfig {
  return parseGatewayConfig(text, "/etc/postern", { env }).config;
}

/** `line:column path: text` of each. */
function brief(faults: readonly ConfigFault[]): readonly string[] {
  return faults.map(({ line, column, path, text }) => `${line}:${column} ${path}: ${text}`);
}

suite("what comes out", () => {
  test("defaults are filled in and units are parsed", () => {
    const config = configOf(whole);
    assert.equal(config.queue.lifetimeMs, 2 * 86_400_000);
    assert.equal(config.queue.retry.longestMs, 3_600_000);
    assert.equal(config.queue.freeSpaceReserve, 256 * 1024 ** 2);
    assert.equal(config.history.keepMs, 30 * 86_400_000);
    assert.equal(config.http.console.port, 8025);
    assert.equal(config.http.console.enabled, true);
    assert.equal(config.listeners[0]?.address, "127.0.0.1");
    assert.equal(config.listeners[0]?.idleTimeoutMs, 5 * 60_000);
    assert.equal(config.log.level, "info");
    assert.deepEqual(config.principals, []);
    assert.deepEqual(faultsOf(whole), []);
  });

  test("paths are relative to the file; secrets and PEM files are read", () => {
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, "keys"));
    writeFileSync(join(folder.path, "keys", "secret"), "s3cret\n");
    const file = join(folder.path, "postern.yaml");
    const text = whole.replace(
      routes,
      "routes:\n  - { name: next, kind: smtp, host: mx.contoso.example, tls: required, auth: { user: u, secret: { file: keys/secret } } }\n  - { name: keep, kind: sink, folder: kept }\n",
    );
    writeFileSync(file, text);
    const { config, warnings } = loadConfig(file);
    const [next, keep] = config.routes;
    assert.equal(next?.kind === "smtp" && next.auth?.secret, "s3cret");
    assert.equal(keep?.kind === "sink" && keep.folder, join(folder.path, "kept"));
    assert.deepEqual(
      warnings.map(({ text: warning }) => warning),
      ["no rule uses the route keep"],
    );
  });

  test("a principal's password is a hash as it stands, or a secret by reference", () => {
    const principal = (password: string) =>
      `${whole}principals: [{ name: app, reversePaths: ["@contoso.example"], password: ${password} }]\n`;
    assert.equal(configOf(principal("{ env: APP }"), { APP: "x" }).principals[0]?.password, "x");
    const hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";
    assert.deepEqual(configOf(principal(`{ hash: '${hash}' }`)).principals[0]?.password, { hash });
    assert.match(brief(faultsOf(principal('{ hash: "$argon2id$nonsense" }')))[0] ?? "", /not a password hash/);
  });

  test("an empty section counts as absent", () => {
    assert.deepEqual(configOf(`${whole}principals:\nqueue:\n`).principals, []);
  });
});

suite("faults", () => {
  test("every fault is told, with its place", () => {
    const text = `${head}listeners:
  - { name: smtp, kind: relai, port: 70000, adress: 127.0.0.1 }
routes:
  - { name: next, kind: smtp, host: mx.contoso.example, idle: 30, maxSize: lots }
routing:
  rules:
    - { name: all, routes: [] }
colour: red
`;
    assert.deepEqual(brief(faultsOf(text)), [
      '4:25 listeners[0].kind: "relai" is not known here',
      "4:38 listeners[0].port: must be at most 65535, not 70000",
      "4:45 listeners[0].adress: unknown key",
      "6:63 routes[0].idle: 30 is not a duration",
      '6:76 routes[0].maxSize: "lots" is not a size',
      "9:28 routing.rules[0].routes: needs at least 1",
      "10:1 colour: unknown key",
    ]);
    const remedies = faultsOf(text).map(({ remedy }) => remedy);
    assert.match(remedies[0] ?? "", /Did you mean relay\?/);
    assert.match(remedies[2] ?? "", /Did you mean address\?/);
    assert.match(remedies[3] ?? "", /30s/);
  });

  test("a secret in the file is refused and never shown", () => {
    const faults = faultsOf(`${whole}principals: [{ name: app, reversePaths: ["@contoso.example"], password: hunter2 }]\n`);
    assert.match(brief(faults)[0] ?? "", /principals\[0\]\.password: a secret must not stand in this file/);
    assert.ok(!JSON.stringify(faults).includes("hunter2"));
    const route = whole.replace("host: mx.contoso.example", "host: mx.contoso.example, tls: required, auth: { user: u, secret: hunter2 }");
    assert.match(brief(faultsOf(route))[0] ?? "", /secret must not stand/);
    assert.ok(!JSON.stringify(faultsOf(route)).includes("hunter2"));
  });

  test("a variable that is not set and a file that does not exist are told by name", () => {
    const route = (secret: string) =>
      whole.replace("host: mx.contoso.example", `host: mx.contoso.example, tls: required, auth: { user: u, secret: ${secret} }`);
    assert.match(brief(faultsOf(route("{ env: NOT_SET }")))[0] ?? "", /environment variable NOT_SET is not set/);
    assert.match(brief(faultsOf(route("{ file: /nowhere/secret }")))[0] ?? "", /\/nowhere\/secret does not exist/);
    assert.match(brief(faultsOf(route("{ env: A, file: b }")))[0] ?? "", /one reference/);
  });

  test("what is not YAML, or is a key twice, is told with its line", () => {
    assert.match(brief(faultsOf(`${whole}  bad: [\n`))[0] ?? "", /^\d+:\d+ : not valid YAML/);
    const twice = faultsOf(`${whole}hostname: other.example\n`);
    assert.equal(twice[0]?.line, 7);
    assert.match(twice[0]?.text ?? "", /unique/i);
  });

  test("a file that does not exist, a folder, and an empty file", () => {
    assert.throws(() => loadConfig("/nowhere/postern.yaml"), /does not exist/);
    assert.throws(() => loadConfig("/"), /is a folder/);
    assert.match(brief(faultsOf("")).join("\n"), /needs hostname/);
    assert.match(brief(faultsOf("- a\n- b\n"))[0] ?? "", /must be a mapping, not a list/);
  });

  test("aliases cannot blow the file up", () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n`;
    const begun = performance.now();
    assert.ok(faultsOf(bomb + whole).length > 0);
    assert.ok(performance.now() - begun < 2000);
  });

  const cross: readonly (readonly [string, string, RegExp])[] = [
    ["a rule names a route that does not exist", whole.replace("routes: [next]", "routes: [nxet]"), /no route nxet.*Did you mean next/],
    ["a route twice", whole.replace("routes: [{", "routes: [{ name: next, kind: smtp, host: b.example }, {"), /name next is used twice/],
    [
      "a port twice",
      whole.replace(
        "[{ name: smtp, kind: relay, port: 2525 }]",
        "[{ name: a, kind: relay, port: 2525 }, { name: b, kind: relay, port: 2525 }]",
      ),
      /port 2525 is used twice/,
    ],
    [
      "a port twice through a wildcard",
      whole.replace(
        "[{ name: smtp, kind: relay, port: 2525 }]",
        '[{ name: a, kind: relay, port: 25 }, { name: b, kind: relay, port: 25, address: "0.0.0.0" }]',
      ),
      /port 25 is used twice/,
    ],
    ["the console on a listener's port", `${whole}http: { console: { port: 2525 } }\n`, /http\.console\.port.*2525 is used twice/],
    ["everybody as a trusted network", whole.replace("10.0.0.0/8", "0.0.0.0/0"), /open relay/],
    ["half of everybody as a trusted network", whole.replace("10.0.0.0/8", "128.0.0.0/1"), /open relay/],
    ["everybody by IPv6", whole.replace("10.0.0.0/8", '"::/0"'), /open relay/],
    ["all of IPv4 written as IPv6", whole.replace("10.0.0.0/8", '"::ffff:0:0/96"'), /open relay/],
    ["half of IPv4 written as IPv6", whole.replace("10.0.0.0/8", '"::ffff:128.0.0.0/97"'), /open relay/],
    ["a range of IPv6 that holds all of IPv4", whole.replace("10.0.0.0/8", '"::/8"'), /open relay/],
    ["a network that is none", whole.replace("10.0.0.0/8", "10.0.0.0/33"), /not a network/],
    ["a pattern that is none", whole.replace('"@contoso.example"', '"contoso example"'), /not an address pattern/],
    ["a private next hop", whole.replace("mx.contoso.example", "10.1.2.3"), /private address.*allowPrivate/],
    [
      "a password without certain encryption",
      whole.replace("host: mx.contoso.example", "host: mx.contoso.example, auth: { user: u, secret: { env: S } }"),
      /without encryption/,
    ],
    ["submission without a certificate", whole.replace("kind: relay", "kind: submission"), /needs tls/],
    [
      "a rule for a principal that does not exist",
      whole.replace("name: all,", "name: all, when: { principals: [ap] },"),
      /no principal ap/,
    ],
    [
      "sizes that exclude each other",
      whole.replace("name: all,", "name: all, when: { sizeOver: 10MB, sizeUnder: 1MB },"),
      /can never match/,
    ],
    ["a retry that shrinks", `${whole}queue: { retry: { first: 2h, longest: 1h } }\n`, /shorter than/],
    ["following a clock beyond loopback", `${whole}clock: { follow: "http://10.0.0.1:8026" }\n`, /wrong form/],
  ];
  for (const [name, text, expected] of cross) {
    test(name, () => {
      const faults = faultsOf(text, { S: "x" });
      assert.ok(
        faults.some(({ severity }) => severity === "error"),
        JSON.stringify(faults),
      );
      assert.match(faults.map(({ path, text: what, remedy }) => `${path}: ${what} ${remedy}`).join("\n"), expected);
      for (const fault of faults) assert.ok(fault.line > 0 && fault.column > 0 && fault.remedy !== "", JSON.stringify(fault));
    });
  }

  const warned: readonly (readonly [string, string, RegExp])[] = [
    ["a relay listener that nobody may use", whole.replace(networks, ""), /no network is trusted/],
    ["a rule that is never reached", whole.replace("rules: [{", "rules: [{ name: first, routes: [next] }, {"), /never reached/],
    [
      "a principal that may be anybody",
      `${whole}principals: [{ name: app, reversePaths: ["*"], password: { env: S } }]\n`,
      /anybody in the world/,
    ],
    ["a console beyond loopback", `${whole}http: { console: { address: 0.0.0.0 } }\n`, /beyond loopback/],
  ];
  for (const [name, text, expected] of warned) {
    test(`warns of ${name}`, () => {
      const faults = faultsOf(text, { S: "x" });
      assert.deepEqual([...new Set(faults.map(({ severity }) => severity))], ["warning"]);
      assert.match(faults.map(({ text: what }) => what).join("\n"), expected);
    });
  }
});

test("whatever YAML says, the answer is a configuration or faults", () => {
  const keys = Object.keys(gatewaySchema.properties ?? {});
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom(null, true, 0, -1, 1.5, "", "x", "5m", "10MB", "__proto__"),
      fc.string(),
      fc.array(tie("any"), { maxLength: 3 }),
      fc.dictionary(
        fc.constantFrom("name", "kind", "env", "file", "hash", "rules", "when", "tls", "constructor", "__proto__", "toString"),
        tie("any"),
        { maxKeys: 4 },
      ),
    ),
  })).any;
  fc.assert(
    fc.property(fc.constantFrom(...keys), value, (key, changed) => {
      const text = JSON.stringify({ ...(parse(whole) as object), [key]: changed });
      for (const fault of faultsOf(text)) assert.ok(fault.text !== "" && fault.remedy !== "" && fault.line >= 1);
    }),
    { numRuns: 300 },
  );
});

test("the nearest word is near", () => {
  assert.equal(nearest("adress", ["address", "port"]), "address");
  assert.equal(nearest("maxConections", ["maxConnections", "maxRecipients"]), "maxConnections");
  assert.equal(nearest("relya", ["relay", "legacy"]), "relay");
  assert.equal(nearest("colour", ["queue", "http"]), null);
});

test("the sandbox's file keeps its ports open for the offset, and refuses what it does not know", () => {
  assert.deepEqual(loadSandboxConfig(null).config.ports ?? {}, {});
  using folder = temporaryFolder();
  const file = join(folder.path, "sandbox.yaml");
  writeFileSync(file, "ports: { mx: 1025 }\nadress: x\n");
  assert.throws(() => loadSandboxConfig(file), /Did you mean address/);
  writeFileSync(file, "limits: { late: 5s }\nservices: { hve: { recipients-per-day: { value: 300, reason: short } } }\n");
  const { limits, services } = loadSandboxConfig(file).config;
  assert.deepEqual([limits?.lateMs, services?.["hve"]?.["recipients-per-day"]?.value], [5000, 300]);
  writeFileSync(file, "services: { hve: { recipients-per-dy: { value: 300, reason: short } } }\n");
  assert.throws(() => loadSandboxConfig(file), /Did you mean recipients-per-day/);
});
