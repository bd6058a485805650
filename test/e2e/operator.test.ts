import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { request as requestSecurely } from "node:https";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { postern, type Finished } from "../support/cli.ts";
import { startDemo, type Demo } from "../support/demo.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/until.ts";

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** A request whose Host and Origin can be anything, unlike fetch's. */
async function ask(
  url: string,
  { method = "GET", headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

suite("what an operator does with a running demo", { timeout: 240_000 }, () => {
  const folder = temporaryFolder();
  const data = join(folder.path, "data");
  let demo: Demo;
  let env: Readonly<Record<string, string>>;
  const run = (...args: readonly string[]): Promise<Finished> => postern([...args, "--data", data]);
  const readEnv = async () => JSON.parse((await run("env", "--json")).stdout) as Record<string, string>;
  const send = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run("send", "--from", "app@contoso.example", ...args);
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };
  const waiting = async () => Number((await run("queue", "--count")).stdout);
  const relayed = (id: string) => until(`${id} is relayed`, async () => /: relayed/.test((await run("trace", id)).stdout));

  before(async () => {
    demo = await startDemo(data);
    env = await readEnv();
  });
  after(async () => {
    await demo[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test("env names what exists, and only that", async () => {
    const { code, stdout } = await run("env");
    assert.equal(code, 0);
    const lines = stdout.trimEnd().split("\n");
    for (const line of lines) assert.match(line, /^[A-Z_]+=\S/);
    assert.deepEqual(Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)])), env);
    const port = (base: number) => `127.0.0.1:${base + demo.portOffset}`;
    assert.equal(env["GATEWAY_SMTP"], port(2525));
    assert.equal(env["GATEWAY_SUBMISSION"], port(2587));
    assert.equal(env["GATEWAY_SUBMISSIONS"], port(2465));
    assert.equal(env["GATEWAY_USER"], "app");
    assert.equal(env["GATEWAY_PASSWORD"], "app-secret");
    assert.match(env["GATEWAY_FROM"] ?? "", /@contoso\.example$/);
    assert.equal(env["GATEWAY_CONSOLE"], `http://${port(8025)}`);
    assert.equal(env["GATEWAY_API_HTTP"], `http://${port(8080)}`);
    assert.equal(env["GATEWAY_API"], `https://localhost:${8443 + demo.portOffset}`);
    assert.match(env["GATEWAY_SENDGRID_KEY"] ?? "", /^SG\./);
    assert.equal(env["SANDBOX_UI"], `http://${port(8026)}`);
    assert.equal(env["SANDBOX_MX"], port(10025));
    assert.equal(env["SANDBOX_INTERNET_MX"], port(10027));
    assert.match(readFileSync(env["CA_FILE"] ?? "", "utf8"), /BEGIN CERTIFICATE/);
    for (const name of ["GATEWAY_PID", "SANDBOX_PID"]) assert.ok(process.kill(Number(env[name]), 0));
    assert.notEqual(env["GATEWAY_PID"], env["SANDBOX_PID"]);
    const gateway = JSON.parse((await run("env", "--json", "--of", "gateway")).stdout) as object;
    assert.ok(Object.keys(gateway).every((name) => name.startsWith("GATEWAY_") || name === "CA_FILE"));
  });

  test("only the owner can reach the socket, the token and the keys", () => {
    assert.equal(statSync(data).mode & 0o777, 0o700);
    for (const name of ["control.sock", "admin-token", "app-password", "ca.key", "gateway.yaml", "demo.json"]) {
      assert.equal(statSync(join(data, name)).mode & 0o077, 0, name);
    }
  });

  test("an application sends by the SendGrid API over TLS, and the trace tells it", async () => {
    const outgoing = requestSecurely(`${env["GATEWAY_API"]}/v3/mail/send`, {
      method: "POST",
      ca: readFileSync(env["CA_FILE"] ?? ""),
      headers: { authorization: `Bearer ${env["GATEWAY_SENDGRID_KEY"]}`, "content-type": "application/json" },
    });
    outgoing.end(
      JSON.stringify({
        from: { email: "app@contoso.example" },
        personalizations: [{ to: [{ email: "bob@fabrikam.example" }] }],
        subject: "By the API",
        content: [{ type: "text/plain", value: "Hi" }],
        categories: ["orders"],
      }),
    );
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    response.resume();
    assert.equal(response.statusCode, 202);
    const id = String(response.headers["x-message-id"]);
    await relayed(id);
    const { stdout } = await run("trace", id);
    assert.match(stdout, /Came in by the door "sendgrid" from /);
    assert.match(stdout, /It came by the SendGrid API: .*categories orders/);
  });

  test("a composed message, with an attachment, is traced by id and by Message-ID", async () => {
    const file = join(folder.path, "report.txt");
    writeFileSync(file, "the report");
    const id = await send(
      "--to",
      "bob@fabrikam.example",
      "--to",
      "ann@contoso.example",
      "--subject",
      "Grüße",
      "--html",
      "<p>Hi</p>",
      "--attach",
      file,
    );
    assert.match(id, /^[0-9A-Z]{11}$/);
    await relayed(id);
    const { stdout } = await run("trace", id);
    assert.match(stdout, /bob@fabrikam\.example: relayed/);
    assert.match(stdout, /ann@contoso\.example: relayed/);
    const trace = JSON.parse((await run("trace", id, "--json")).stdout) as { id: string; messageId: string; attempts: { tls?: string }[] };
    assert.equal(trace.id, id);
    assert.ok(trace.attempts.every(({ tls }) => tls?.startsWith("TLSv1.3") === true));
    for (const name of [trace.messageId, trace.messageId.slice(1, -1), id.toLowerCase()]) {
      assert.equal((JSON.parse((await run("trace", name, "--json")).stdout) as { id: string }).id, id, name);
    }
    const why = await run("why", trace.messageId);
    assert.match(why.stdout, /Rule "external" decides/);
    assert.match(why.stdout, /Rule "internal" decides/);
    const list = JSON.parse((await run("trace", "--to", "bob@fabrikam.example", "--since", "1h", "--json")).stdout) as { id: string }[];
    assert.ok(list.some((each) => each.id === id));
  });

  test("what arrived on the other side is listed and shown, newest first", async () => {
    const id = await send("--to", "listed@contoso.example", "--subject", "On the other side", "--text", "Hi");
    await relayed(id);
    const listing = await run("sandbox", "messages", "--to", "listed@contoso.example");
    assert.match(listing.stdout, /tenant-mx +app@contoso\.example +listed@contoso\.example +On the other side/);
    const [arrived] = JSON.parse((await run("sandbox", "messages", "--to", "listed@contoso.example", "--json")).stdout) as { id: string }[];
    assert.match(
      (await run("sandbox", "message", arrived?.id ?? "")).stdout,
      new RegExp(`^Received: [^\\n]*\\n[\\s\\S]*${id}[\\s\\S]*Subject: On the other side\\r\\n`),
    );
    assert.equal((await run("sandbox", "messages", "--to", "nobody@contoso.example")).code, 1);
    assert.equal((await run("sandbox", "message", "NOSUCHID")).code, 66);
  });

  test("a file, standard input, and many", async () => {
    const letter = "From: app@contoso.example\nTo: ann@contoso.example\nBcc: hidden@contoso.example\nSubject: file\n\nHi\n";
    const file = join(folder.path, "letter.eml");
    writeFileSync(file, letter);
    const id = (await run("send", file)).stdout.trim();
    await relayed(id);
    const recipients = (JSON.parse((await run("trace", id, "--json")).stdout) as { recipients: { address: string }[] }).recipients;
    assert.deepEqual(
      recipients.map(({ address }) => address),
      ["ann@contoso.example", "hidden@contoso.example"],
    );
    const [got] = (await (await fetch(`${env["SANDBOX_UI"]}/api/messages?to=hidden@contoso.example`)).json()) as { id: string }[];
    const raw = await (await fetch(`${env["SANDBOX_UI"]}/api/messages/${got?.id}/raw`)).text();
    assert.ok(raw.includes("Subject: file") && !raw.includes("Bcc"), raw);
    const piped = await postern(["send", "-", "--data", data], { input: letter.replace("file", "pipe") });
    assert.match(piped.stdout, /^[0-9A-Z]{11}\n$/);
    const many = await run("send", "--count", "25", "--sessions", "4", file);
    assert.equal(new Set(many.stdout.trim().split("\n")).size, 25);
    const logged = await run("send", "--via", "submissions", file);
    assert.equal(logged.code, 0, logged.stderr);
  });

  test("refusals and faults of input have their exit codes", async () => {
    const foreign = await run("send", "--from", "x@fabrikam.example", "--to", "bob@fabrikam.example", "--text", "Hi");
    assert.equal(foreign.code, 65);
    assert.match(foreign.stderr, /550 5\.7\.1/);
    assert.equal((await run("send", "/nowhere/letter.eml")).code, 66);
    assert.equal((await run("send", "--to", "bob@fabrikam.example")).code, 64);
    assert.equal((await run("trace", "NOSUCHMSGID")).code, 1);
    const wrong = await postern(
      [
        "send",
        "--via",
        "submission",
        "--password-env",
        "WRONG",
        "--from",
        "app@contoso.example",
        "--to",
        "a@contoso.example",
        "--text",
        "Hi",
        "--data",
        data,
      ],
      { env: { WRONG: "x" } },
    );
    assert.equal(wrong.code, 77, wrong.stderr);
  });

  test("hold, release, retry and drop, by id and by filter", async () => {
    const before = await waiting();
    const id = await send("--to", "temperror@fabrikam.example", "--subject", "waits", "--text", "Hi");
    await until("it was tried", async () => /451/.test((await run("queue")).stdout));
    assert.equal(await waiting(), before + 1);
    assert.match((await run("queue", "hold", id)).stdout, /1 recipient held|1 recipient of 1 message held/);
    assert.match((await run("queue", "--state", "held", "--json")).stdout, new RegExp(id));
    assert.match((await run("queue", "release", "--recipient", "@fabrikam.example")).stdout, /1 recipient/);
    assert.equal((await run("queue", "drop", id)).code, 64);
    assert.equal((await run("queue", "drop")).code, 64);
    assert.equal((await run("queue", "drop", "--all", "--yes")).code, 0);
    assert.equal(await waiting(), 0);
    assert.match((await run("trace", id)).stdout, /cancelled|dropped/i);
  });

  test("routes are listed, probed, explained, paused", async () => {
    assert.match((await run("routes")).stdout, /tenant +connector the MX of contoso\.example +working/);
    const probe = await run("routes", "probe", "tenant");
    assert.equal(probe.code, 0, probe.stdout);
    assert.match(probe.stdout, /starttls: TLSv1/);
    assert.match(
      (await run("routes", "explain", "--from", "a@contoso.example", "--to", "b@fabrikam.example")).stdout,
      /"external" decides/,
    );
    assert.equal((await run("routes", "pause", "tenant")).stdout, "tenant: paused\n");
    const id = await send("--to", "ann@contoso.example", "--text", "Hi");
    assert.match((await run("routes", "show", "tenant")).stdout, /paused/);
    assert.equal(await waiting(), 1);
    assert.equal((await run("routes", "resume", "tenant")).stdout, "tenant: working\n");
    await relayed(id);
    assert.equal((await run("routes", "show", "nosuch")).code, 1);
  });

  test("the console and its API want the token, the right Host and no foreign page", async () => {
    const at = env["GATEWAY_CONSOLE"] ?? "";
    const token = env["GATEWAY_ADMIN_TOKEN"] ?? "";
    const bearer = { authorization: `Bearer ${token}` };
    for (const path of ["/api/status", "/api/queue", "/api/messages", "/openapi.json", "/", "/messages/x", "/nonsense"]) {
      assert.equal((await ask(at + path)).status, 401, path);
      assert.equal((await ask(at + path, { headers: { authorization: `Bearer ${token}x` } })).status, 401, path);
    }
    const status = await ask(`${at}/api/status`, { headers: bearer });
    assert.equal(status.status, 200);
    const { totals, balance } = JSON.parse(status.body) as {
      totals: Record<string, number>;
      balance: { ok: boolean; accepted: number; accounted: number };
    };
    assert.deepEqual(balance, { ok: true, accepted: totals["accepted"], accounted: totals["accepted"] });
    assert.equal((await ask(`${at}/api/status`, { headers: { ...bearer, host: "evil.example" } })).status, 403);
    assert.equal((await ask(`${at}/metrics`, { headers: { host: "evil.example" } })).status, 403);
    const json = { "content-type": "application/json" };
    const drop = { method: "POST", body: '{"all":true}' };
    assert.equal(
      (await ask(`${at}/api/queue/drop`, { ...drop, headers: { ...bearer, ...json, origin: "http://evil.example" } })).status,
      403,
    );
    assert.equal((await ask(`${at}/api/queue/drop`, { method: "POST", body: "{}", headers: { ...bearer, ...json } })).status, 400);
    assert.equal(
      (await ask(`${at}/api/backup`, { method: "POST", body: '{"directory":"/tmp/x"}', headers: { ...bearer, ...json } })).status,
      404,
    );

    const [, link = ""] = /(http:\S+\/login\?token=\S+)/.exec(demo.output()) ?? [];
    const login = await ask(link);
    assert.equal(login.status, 303);
    assert.equal(login.headers["location"], "/");
    const [set = ""] = login.headers["set-cookie"] ?? [];
    assert.match(set, /HttpOnly/);
    assert.match(set, /SameSite=Strict/);
    assert.ok(!set.includes(token));
    assert.equal((await ask(`${at}/login?token=wrong`)).headers["set-cookie"], undefined);
    const form = { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded", origin: at } };
    assert.equal((await ask(`${at}/login`, { ...form, body: `token=${token}` })).status, 303);
    assert.equal((await ask(`${at}/login`, { ...form, body: "token=wrong" })).status, 401);
    const cookie = set.split(";", 1)[0] ?? "";
    const page = await ask(`${at}/`, { headers: { cookie } });
    assert.equal(page.status, 200);
    assert.match(String(page.headers["content-security-policy"]), /default-src 'none'.*frame-ancestors 'none'/);
    for (const word of ["The books balance", "Queue", "tenant", "submissions"]) assert.ok(page.body.includes(word), word);
    assert.ok(!/(?:src|href)="https?:/.test(page.body));
    assert.equal((await ask(`${at}/`, { headers: { cookie: `${cookie}x` } })).status, 401);
  });

  test("a hostile subject stays text in the console", async () => {
    const id = await send("--to", "ann@contoso.example", "--subject", '<script>alert(1)</script>"&', "--text", "Hi");
    await relayed(id);
    const headers = { authorization: `Bearer ${env["GATEWAY_ADMIN_TOKEN"]}` };
    for (const path of [
      "/",
      `/messages/${id}`,
      "/messages?q=ann@contoso.example",
      `/messages?q=${encodeURIComponent('"><script>x</script>')}`,
    ]) {
      const { body } = await ask(`${env["GATEWAY_CONSOLE"]}${path}`, { headers });
      assert.ok(!body.includes("<script>"), path);
    }
    assert.ok((await ask(`${env["GATEWAY_CONSOLE"]}/messages/${id}`, { headers })).body.includes("&lt;script&gt;alert(1)"));
  });

  test("health, metrics and OpenAPI", async () => {
    const at = env["GATEWAY_CONSOLE"] ?? "";
    assert.equal((await ask(`${at}/livez`)).status, 200);
    assert.equal((await ask(`${at}/readyz`)).status, 200);
    const metrics = await ask(`${at}/metrics`);
    assert.match(String(metrics.headers["content-type"]), /^text\/plain; version=/);
    assert.match(metrics.body, /^postern_recipients_total\{state="accepted"\} [1-9]/m);
    assert.match(metrics.body, /^postern_balance_ok 1$/m);
    assert.match(metrics.body, /^postern_relayed_total\{route="tenant",security="[a-z-]+"\} [1-9]/m);
    assert.match(metrics.body, /^postern_route_circuit\{route="tenant",state="closed"\} 1$/m);
    for (const line of metrics.body.split("\n")) assert.match(line, /^(#.*|postern_\S+( |\{.*\} )[-+0-9.eNaInf]+|nodejs_.*|)$/);
    const document = JSON.parse(
      (await ask(`${at}/openapi.json`, { headers: { authorization: `Bearer ${env["GATEWAY_ADMIN_TOKEN"]}` } })).body,
    ) as { paths: object };
    assert.ok(Object.keys(document.paths).includes("/api/messages/{id}/why"));
  });

  test("a second demo there, or on these ports, is refused", async () => {
    const same = await run("demo", "--port-offset", String(demo.portOffset));
    assert.equal(same.code, 69);
    assert.match(same.stderr, /runs in .* already/);
    const ports = await postern(["demo", "--data", join(folder.path, "other"), "--port-offset", String(demo.portOffset)]);
    assert.equal(ports.code, 69);
    assert.match(ports.stderr, /is taken.*choose another --port-offset/);
    assert.equal((await postern(["demo", "--data", join(folder.path, "other"), "--port-offset", "7500"])).code, 64);
  });

  test("a backup is made while mail flows, and restored into a stopped directory only", async () => {
    await send("--to", "temperror@fabrikam.example", "--subject", "kept", "--text", "Hi");
    const copy = join(folder.path, "copy");
    const backup = await run("backup", copy);
    assert.equal(backup.code, 0, backup.stderr);
    assert.ok(readdirSync(copy).includes("queue.sqlite"));
    assert.equal((await run("backup", copy)).code, 73);
    assert.equal((await run("restore", copy)).code, 69);
    const fresh = join(folder.path, "fresh");
    mkdirSync(fresh);
    const restored = await postern(["restore", copy, "--data", fresh]);
    assert.equal(restored.code, 0, restored.stderr);
    assert.match(restored.stdout, /^1 message/);
    assert.equal((await postern(["restore", copy, "--data", fresh])).code, 73);
    assert.equal((await postern(["restore", copy, "--data", fresh, "--replace"])).code, 0);
    assert.equal((await postern(["restore", folder.path, "--data", fresh])).code, 66);
  });

  test("a killed gateway comes back with what it had", async () => {
    const before = await waiting();
    const id = await send("--to", "temperror@fabrikam.example", "--subject", "survives", "--text", "Hi");
    process.kill(Number(env["GATEWAY_PID"]), "SIGKILL");
    const fresh = await until(
      "the gateway is back",
      async () => {
        const now = await readEnv();
        return now["GATEWAY_PID"] !== undefined && now["GATEWAY_PID"] !== env["GATEWAY_PID"] && now;
      },
      { timeoutMs: 30_000, everyMs: 200 },
    );
    assert.equal(fresh["SANDBOX_PID"], env["SANDBOX_PID"]);
    assert.equal(await waiting(), before + 1);
    assert.match((await run("trace", id)).stdout, /survives/);
    assert.match(demo.output(), /gateway was killed \(SIGKILL\): starting it again/);
  });
});

test("where nothing runs every command says so", { timeout: 60_000 }, async () => {
  using folder = temporaryFolder();
  for (const args of [
    ["env"],
    ["queue", "--count"],
    ["trace"],
    ["why", "x"],
    ["routes"],
    ["status"],
    ["backup", "/nowhere/x"],
    ["send", "--from", "a@b.example", "--to", "c@d.example", "--text", "x"],
  ]) {
    const { code, stderr, stdout } = await postern([...args, "--data", folder.path]);
    assert.equal(code, 69, `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, /nothing runs in/);
    assert.equal(stdout, "");
  }
});

test("check-config tells every fault, for people and for programs", { timeout: 60_000 }, async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "postern.yaml");
  writeFileSync(
    file,
    "hostname: g.example\npostmaster: p@g.example\nlisteners: [{ name: smtp, kind: relay, port: 99999, adress: x }]\nroutes: [{ name: a, kind: sink, folder: out }]\n",
  );
  const people = await postern(["check-config", file]);
  assert.equal(people.code, 78);
  assert.ok(people.stdout.includes(`${file}:3:46: error: listeners[0].port: must be at most 65535, not 99999`), people.stdout);
  assert.ok(people.stdout.includes("Did you mean address?"));
  const programs = await postern(["check-config", "--json", file]);
  assert.equal(programs.code, 78);
  const { ok, faults } = JSON.parse(programs.stdout) as { ok: boolean; faults: { line: number; remedy: string }[] };
  assert.equal(ok, false);
  assert.deepEqual(
    faults.map(({ line }) => line),
    [3, 3],
  );
  assert.equal((await postern(["check-config", join(folder.path, "none.yaml")])).code, 66);
  writeFileSync(file, "{}");
  assert.equal((await postern(["check-config", "--of", "sandbox", file])).code, 0);
});

test("usage faults exit with 64, help with 0", { timeout: 60_000 }, async () => {
  for (const args of [
    ["nosuch"],
    ["queue", "--nosuch"],
    ["trace", "a", "b"],
    ["queue", "--limit", "x"],
    ["demo", "--port-offset", "50"],
    ["demo", "--port-offset", "20100"],
  ]) {
    assert.equal((await postern(args)).code, 64, args.join(" "));
  }
  const help = await postern(["--help"]);
  assert.equal(help.code, 0);
  const names = [...help.stdout.matchAll(/^ {2}([a-z-]+) {2,}\S/gm)].map((match) => match[1] ?? "").filter((name) => name !== "postern");
  for (const name of [
    "demo",
    "serve",
    "sandbox",
    "env",
    "send",
    "queue",
    "trace",
    "why",
    "routes",
    "check-config",
    "backup",
    "restore",
    "bench",
  ]) {
    assert.ok(names.includes(name), name);
    const { code, stdout } = await postern([name, "--help"]);
    assert.equal(code, 0);
    for (const word of ["--data", "Examples:"]) assert.ok(stdout.includes(word), `${name}: ${word}`);
  }
});

test("a data directory with a long path works", { timeout: 120_000 }, async () => {
  using folder = temporaryFolder();
  const data = join(folder.path, "a".repeat(120), "data");
  mkdirSync(join(folder.path, "a".repeat(120)));
  await using demo = await startDemo(data);
  assert.match(demo.output(), /^ready$/m);
  assert.equal((await postern(["queue", "--count", "--data", data])).stdout, "0\n");
});
