/**
 * A gateway with a configuration of its own against sandboxes: failover and its circuit, reload under an open connection, a full disk, a
 * loop, backup and restore of what waits, and who may read what it writes.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { postern } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { GatewayProcess, type GatewayPlace } from "../support/gateway-process.ts";
import { openTestSandbox, type TestSandbox } from "../support/sandbox.ts";
import { SmtpDialog } from "../support/smtp-dialog.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/until.ts";

/** `routes`, `rules` and whatever else, in YAML's flow style. */
interface Parts {
  readonly routes: readonly string[];
  readonly rules: readonly string[];
  readonly more?: string;
  /** Who may send. */
  readonly sender?: string;
}

function configure(place: GatewayPlace, { routes, rules, more = "", sender = "@contoso.example" }: Parts): void {
  writeFileSync(
    place.config,
    `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, port: ${place.port} }]
networks: [{ name: loopback, addresses: [127.0.0.0/8], reversePaths: ["${sender}", "<>"] }]
routes: [${routes.map((route) => `{ ${route} }`).join(", ")}]
routing: { acceptedDomains: [contoso.example], rules: [${rules.map((rule) => `{ ${rule} }`).join(", ")}] }
http: { console: { enabled: false } }
${more}
`,
  );
}

async function prepare(folder: string, parts: Parts): Promise<GatewayPlace> {
  const place: GatewayPlace = { folder, data: join(folder, "data"), config: join(folder, "postern.yaml"), port: await freePort() };
  configure(place, parts);
  return place;
}

const smtpRoute = (name: string, port: number): string =>
  `name: ${name}, kind: smtp, host: 127.0.0.1, port: ${port}, tls: none, allowPrivate: true`;

const follow = (sandbox: TestSandbox): string => `clock: { follow: "${sandbox.url}" }`;

async function say(place: GatewayPlace, to: string, content: string | Buffer = "Subject: Hi\r\n\r\nHi\r\n"): Promise<string> {
  using dialog = await SmtpDialog.open(place.port);
  await dialog.reply();
  for (const line of ["EHLO test", "MAIL FROM:<app@contoso.example>", `RCPT TO:<${to}>`, "DATA"]) await dialog.say(line);
  dialog.send(Buffer.concat([Buffer.from(content), Buffer.from(".\r\n")]));
  return await dialog.reply();
}

const idIn = (reply: string): string => /queued as ([0-9A-Z]{11})$/.exec(reply)?.[1] ?? assert.fail(reply);

const run = async (place: GatewayPlace, ...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await postern([...args, "--data", place.data]);
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  return stdout;
};

const relayed = (place: GatewayPlace, id: string) =>
  until(`${id} is relayed`, async () => /: relayed/.test(await run(place, "trace", id)), { everyMs: 100 });

test("mail goes by the second route while the first is down, and comes back to it", { timeout: 60_000 }, async () => {
  using folder = temporaryFolder();
  await using first = await openTestSandbox();
  await using second = await openTestSandbox();
  const place = await prepare(folder.path, {
    routes: [smtpRoute("first", first.port("internet-mx")), smtpRoute("second", second.port("internet-mx"))],
    rules: ["name: all, routes: [first, second]"],
    more: follow(first),
  });
  await using gateway = await GatewayProcess.ready(place);
  const state = async (): Promise<string> =>
    / (working|open|down|failing|troubled|paused)\b/.exec(await run(place, "routes", "show", "first"))?.[1] ?? "";
  assert.equal(await state(), "working");
  await first.call("POST", "/api/faults", { match: { at: "connect" }, action: { reply: "421 4.3.2 Closed for maintenance" } });
  const ids = [];
  for (let n = 0; n < 4; n++) ids.push(idIn(await say(place, `bob+${n}@fabrikam.example`)));
  for (const id of ids) await relayed(place, id);
  assert.equal((await second.messages()).length, 4);
  assert.equal((await first.messages()).length, 0);
  assert.match(gateway.log, /"route":"first".*"fact":"route-opened"/);
  assert.notEqual(await state(), "working");
  const trace = await run(place, "trace", ids[0] ?? "");
  assert.match(trace, /first .*did not take it.*; going on with second/);
  assert.match(await run(place, "why", ids[0] ?? ""), /It goes by route "first"; if that fails by "second"|"first".*"second"/);

  await first.call("DELETE", "/api/faults");
  await first.call("POST", "/api/clock", { advance: "10m" });
  await until("the first route works again", async () => (await state()) === "working", { everyMs: 100 });
  await relayed(place, idIn(await say(place, "back@fabrikam.example")));
  assert.equal((await first.messages("?to=back@fabrikam.example")).length, 1);
});

test(
  "a reload changes rules and fences under an open connection, and keeps those that name a route that does not run",
  { timeout: 60_000 },
  async () => {
    using folder = temporaryFolder();
    const sinks = ["name: one, kind: sink, folder: one", "name: two, kind: sink, folder: two"];
    const place = await prepare(folder.path, { routes: sinks, rules: ["name: all, routes: [one]"] });
    await using _gateway = await GatewayProcess.ready(place);
    using dialog = await SmtpDialog.open(place.port);
    await dialog.reply();
    const send = async (): Promise<string> => {
      assert.match(await dialog.say("RCPT TO:<b@fabrikam.example>"), /^250 /);
      assert.match(await dialog.say("DATA"), /^354 /);
      return idIn(await dialog.say("Subject: Hi\r\n\r\nHi\r\n."));
    };
    await dialog.say("EHLO test");
    await dialog.say("MAIL FROM:<app@contoso.example>");
    configure(place, { routes: sinks, rules: ["name: other, routes: [two]"] });
    assert.equal(await run(place, "reload"), "in force: routing\n");
    const id = await send();
    await relayed(place, id);
    assert.match(await run(place, "why", id), /Rule "other" decides/);
    assert.equal(readdirSync(join(folder.path, "two")).filter((name) => name.endsWith(".eml")).length, 1);

    configure(place, { routes: sinks, rules: ["name: other, routes: [two]"], sender: "scanner@contoso.example" });
    assert.equal(await run(place, "reload"), "in force: networks\n");
    assert.match(await dialog.say("MAIL FROM:<app@contoso.example>"), /^550 5\.7\.1 /);
    assert.match(await dialog.say("MAIL FROM:<scanner@contoso.example>"), /^250 /);
    await relayed(place, await send());

    configure(place, { routes: [...sinks, "name: three, kind: sink, folder: three"], rules: ["name: new, routes: [three]"] });
    assert.match(await run(place, "reload"), /only after a restart: routes, routing/);
    await dialog.say("MAIL FROM:<app@contoso.example>");
    await relayed(place, await send());
    assert.equal(readdirSync(join(folder.path, "two")).filter((name) => name.endsWith(".eml")).length, 3);
  },
);

test("one message is pinned to a route: why tells it at once, it goes so, and nothing else does", { timeout: 60_000 }, async () => {
  using folder = temporaryFolder();
  const place = await prepare(folder.path, {
    routes: [`${smtpRoute("out", 9)}, paused: true`, "name: files, kind: sink, folder: files"],
    rules: ["name: all, routes: [out]"],
  });
  const filed = () =>
    readdirSync(folder.path).includes("files") && readdirSync(join(folder.path, "files")).some((name) => name.endsWith(".eml"));
  let ids: string[] = [];
  {
    await using _gateway = await GatewayProcess.ready(place);
    ids = [idIn(await say(place, "a@fabrikam.example")), idIn(await say(place, "b@fabrikam.example"))];
    await run(place, "queue", "hold", ids[0] ?? "");
    assert.match(await run(place, "queue", "pin", ids[0] ?? "", "--route", "files"), /^pin [0-9a-f]{8}: message \S+ goes by files first/);
    const why = await run(place, "why", ids[0] ?? "");
    assert.match(why, /It goes by route "out"/);
    assert.match(why, /The routing has changed since\.[^]*pinned this very message to route "files"/);
    assert.doesNotMatch(await run(place, "why", ids[1] ?? ""), /changed since|pinned/);
    assert.match(await run(place, "routes", "pins"), new RegExp(`files +message ${ids[0]}`));
    // A pin ends with the life of its message.
    const pins = JSON.parse(await run(place, "routes", "pins", "--json")) as { until?: string }[];
    assert.ok(Date.parse(pins[0]?.until ?? "") > Date.now());
  }
  await using _gateway = await GatewayProcess.ready(place);
  await run(place, "queue", "release", ids[0] ?? "");
  await relayed(place, ids[0] ?? "");
  assert.ok(filed());
  assert.match(await run(place, "why", ids[0] ?? ""), /pinned this very message to route "files"[^]*Its routes in order: "files", "out"/);
  assert.equal(await run(place, "queue", "--count"), "1\n");
  assert.match(await run(place, "queue", "unpin", ids[0] ?? ""), /^removed [0-9a-f]{8}\n$/);
  const refused = await postern(["queue", "pin", ids[0] ?? "", "--route", "files", "--data", place.data]);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /waits no more/);
});

test("a route that an operator paused stays so over a restart, and one that was resumed does too", { timeout: 60_000 }, async () => {
  using folder = temporaryFolder();
  const place = await prepare(folder.path, { routes: ["name: files, kind: sink, folder: out"], rules: ["name: all, routes: [files]"] });
  const show = () => run(place, "routes", "show", "files");
  {
    await using _gateway = await GatewayProcess.ready(place);
    assert.equal(await run(place, "routes", "pause", "files"), "files: paused\n");
  }
  {
    await using _gateway = await GatewayProcess.ready(place);
    assert.match(await show(), /paused since .*: paused by command line/);
    const id = idIn(await say(place, "b@fabrikam.example"));
    assert.equal(await run(place, "queue", "--count"), "1\n");
    await run(place, "routes", "resume", "files");
    await relayed(place, id);
  }
  await using _gateway = await GatewayProcess.ready(place);
  assert.match(await show(), /working since/);
});

test("without room on the disk the door says 452, and takes mail again when there is", { timeout: 60_000 }, async () => {
  using folder = temporaryFolder();
  const parts: Parts = { routes: ["name: files, kind: sink, folder: out"], rules: ["name: all, routes: [files]"] };
  const place = await prepare(folder.path, { ...parts, more: "queue: { freeSpaceReserve: 1000000GB }" });
  {
    await using _gateway = await GatewayProcess.ready(place);
    using dialog = await SmtpDialog.open(place.port);
    await dialog.reply();
    await dialog.say("EHLO test");
    const replies = [];
    for (const line of ["MAIL FROM:<app@contoso.example>", "RCPT TO:<b@fabrikam.example>", "DATA"]) replies.push(await dialog.say(line));
    assert.ok(
      replies.some((reply) => reply.startsWith("452 4.3.1 ")),
      replies.join("\n"),
    );
    assert.equal(await run(place, "queue", "--count"), "0\n");
  }
  configure(place, parts);
  await using _gateway = await GatewayProcess.ready(place);
  await relayed(place, idIn(await say(place, "b@fabrikam.example")));
});

test("a loop through itself ends, and the sender is told once", { timeout: 60_000 }, async () => {
  using folder = temporaryFolder();
  const place = await prepare(folder.path, { routes: [], rules: [] });
  configure(place, {
    routes: [smtpRoute("itself", place.port), "name: files, kind: sink, folder: out"],
    rules: ["name: internal, when: { class: internal }, routes: [files]", "name: rest, routes: [itself]"],
    more: "queue: { maxHops: 10 }",
  });
  await using _gateway = await GatewayProcess.ready(place);
  await say(place, "b@fabrikam.example");
  const letters = await until("a notification", () => {
    const names = readdirSync(folder.path).includes("out") ? readdirSync(join(folder.path, "out")) : [];
    return names.some((name) => name.endsWith(".eml")) && names;
  });
  assert.equal(letters.filter((name) => name.endsWith(".eml")).length, 1);
  await until("nothing goes round", async () => (await run(place, "queue", "--count")) === "0\n", { everyMs: 100 });
  const states = JSON.parse(await run(place, "trace", "--json")) as { states: Record<string, number> }[];
  assert.equal(states.filter(({ states: { failed } }) => failed === 1).length, 1);
  assert.equal(states.length, 12);
});

test("a backup of the running gateway holds what waits, whatever its size, and goes on elsewhere", { timeout: 60_000 }, async () => {
  using folder = temporaryFolder();
  await using sandbox = await openTestSandbox();
  const parts: Parts = {
    routes: [`${smtpRoute("out", sandbox.port("internet-mx"))}, paused: true`],
    rules: ["name: all, routes: [out]"],
  };
  const place = await prepare(folder.path, parts);
  const contents = [300, 40_000, 5_000_000].map((size) =>
    Buffer.from(
      `From: app@contoso.example\r\nSubject: ${size}\r\n\r\n${randomBytes(size / 2)
        .toString("hex")
        .replace(/.{76}/g, "$&\r\n")}\r\n`,
    ),
  );
  {
    await using _gateway = await GatewayProcess.ready(place);
    for (const [n, content] of contents.entries()) idIn(await say(place, `keep+${n}@fabrikam.example`, content));
    await run(place, "routes", "pin", "out", "--principal", "net:loopback");
    await run(place, "backup", join(folder.path, "copy"));
    idIn(await say(place, "later@fabrikam.example"));
  }
  const elsewhere: GatewayPlace = { ...place, data: join(folder.path, "elsewhere") };
  assert.match(await run(elsewhere, "restore", join(folder.path, "copy")), /^3 messages/);
  await using _gateway = await GatewayProcess.ready(elsewhere);
  assert.equal(await run(elsewhere, "queue", "--count"), "3\n");
  assert.match(await run(elsewhere, "routes", "pins"), /out +what net:loopback submits/);
  assert.equal(await run(elsewhere, "routes", "resume", "out"), "out: working\n");
  for (const [n, content] of contents.entries()) {
    const [message] = await until("it arrives", async () => {
      const found = await sandbox.messages(`?to=${encodeURIComponent(`keep+${n}@fabrikam.example`)}`);
      return found.length > 0 && found;
    });
    const raw = Buffer.from(await (await fetch(`${sandbox.url}/api/messages/${message?.id}/raw`)).arrayBuffer());
    assert.ok(raw.subarray(raw.length - content.length).equals(content), `${content.length} octets`);
  }
  assert.equal((await sandbox.messages()).length, 3);
});

test(
  "nobody else can read what it writes, even in a directory that was open before",
  { timeout: 60_000, skip: process.platform === "win32" },
  async () => {
    using folder = temporaryFolder();
    const place = await prepare(folder.path, { routes: ["name: files, kind: sink, folder: out"], rules: ["name: all, routes: [files]"] });
    mkdirSync(place.data, { mode: 0o755 });
    await using _gateway = await GatewayProcess.ready(place);
    await relayed(place, idIn(await say(place, "b@fabrikam.example", `Subject: big\r\n\r\n${"x".repeat(100_000)}\r\n`)));
    await run(place, "backup", join(folder.path, "copy"));
    for (const part of ["data", "out", "copy"]) {
      for (const name of readdirSync(join(folder.path, part), { recursive: true, encoding: "utf8" })) {
        const { mode } = statSync(join(folder.path, part, name));
        assert.equal(mode & 0o077, 0, `${part}/${name}`);
      }
    }
  },
);
