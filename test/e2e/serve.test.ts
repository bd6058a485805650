import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { postern, type Finished } from "../support/cli.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/until.ts";

const root = join(import.meta.dirname, "../..");

/** A gateway on free ports that writes what it relays into files. */
function config(folder: string, more = "", port = 0): string {
  const file = join(folder, "postern.yaml");
  writeFileSync(
    file,
    `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, port: ${port} }]
networks: [{ name: loopback, addresses: [127.0.0.0/8], reversePaths: ["@contoso.example"] }]
principals: [{ name: app, password: { env: APP_PASSWORD }, reversePaths: ["@contoso.example"] }]
routes: [{ name: files, kind: sink, folder: out }]
routing: { acceptedDomains: [contoso.example], rules: [{ name: all, routes: [files] }] }
http: { console: { port: 0 } }
${more}`,
  );
  return file;
}

interface Serving extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly lines: () => readonly Record<string, unknown>[];
  readonly errors: () => string;
  readonly ended: Promise<number | null>;
}

function serve(file: string, data: string): Serving {
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", join(root, "src/cli/postern.ts"), "serve", "-c", file, "--data", data],
    {
      env: { ...process.env, APP_PASSWORD: "hunter2-hunter2" },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let [out, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const ended = once(child, "close").then(() => child.exitCode);
  return {
    child,
    // Whole lines only: the last may still be on its way.
    lines: () =>
      out
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    errors: () => errors,
    ended,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

const isReady = (serving: Serving) =>
  until("ready", () => serving.child.exitCode !== null || serving.lines().some(({ fact }) => fact === "ready"), { timeoutMs: 30_000 });

test("serve: one fact a line, reload on SIGHUP, an orderly end on SIGTERM, and no secret in the log", { timeout: 60_000 }, async () => {
  using folder = temporaryFolder();
  const file = config(folder.path, "log: { level: debug }\n");
  const data = join(folder.path, "data");
  await using serving = serve(file, data);
  await isReady(serving);
  const sent = await postern(["send", "--from", "a@contoso.example", "--to", "b@fabrikam.example", "--text", "Hi", "--data", data]);
  assert.equal(sent.code, 0, sent.stderr);
  await until("relayed", () => serving.lines().some(({ fact }) => fact === "relayed"));
  serving.child.kill("SIGHUP");
  await until("reloaded", () => serving.lines().some(({ fact }) => fact === "reloaded"));
  writeFileSync(file, "hostname: [\n");
  const reload = await postern(["reload", "--data", data]);
  assert.equal(reload.code, 78);
  assert.match(reload.stderr, /not valid YAML/);
  assert.equal((await postern(["queue", "--count", "--data", data])).stdout, "0\n");
  serving.child.kill("SIGTERM");
  assert.equal(await serving.ended, 0);
  const lines = serving.lines();
  for (const line of lines)
    assert.ok(
      typeof line["fact"] === "string" && typeof line["time"] === "string" && typeof line["level"] === "string",
      JSON.stringify(line),
    );
  const facts = lines.map(({ fact }) => fact);
  for (const fact of ["listening", "started", "ready", "connected", "accepted", "relayed", "stopping", "stopped"])
    assert.ok(facts.includes(fact), fact);
  assert.ok(!JSON.stringify(lines).includes("hunter2"));
  assert.ok(!existsSync(join(data, "control.sock")) || (await postern(["env", "--data", data])).code === 69);
});

test("serve: what keeps it from starting has its exit code and is told in words", { timeout: 60_000 }, async () => {
  using folder = temporaryFolder();
  const data = join(folder.path, "data");
  const none = await postern(["serve", "-c", "/nowhere/postern.yaml", "--data", data]);
  assert.equal(none.code, 66);
  assert.match(none.stderr, /does not exist/);

  const file = config(folder.path);
  const unset = await postern(["serve", "-c", file, "--data", data], { env: { APP_PASSWORD: "" } });
  assert.equal(unset.code, 78);
  assert.match(unset.stderr, /postern\.yaml:5:\d+: error: principals\[0\]\.password: the environment variable APP_PASSWORD is not set/);

  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as { port: number };
  const env = { APP_PASSWORD: "x" };
  config(folder.path, "", port);
  const portTaken = await postern(["serve", "-c", file, "--data", data], { env });
  assert.equal(portTaken.code, 69, portTaken.stderr);
  assert.match(portTaken.stderr, new RegExp(`127\\.0\\.0\\.1:${port} is taken`));
  taken.close();

  await using serving = serve(config(folder.path), data);
  await isReady(serving);
  const second = await postern(["serve", "-c", config(folder.path), "--data", data], { env });
  assert.equal(second.code, 69, second.stderr);
  assert.match(second.stderr, /in use/);
});

test("a demo that cannot start says why and ends", { timeout: 60_000 }, async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, "queue.sqlite"), randomBytes(20_000));
  const offsets = [600, 800, 1000, 1200];
  let ended: Finished | undefined;
  for (const offset of offsets) {
    ended = await postern(["demo", "--data", folder.path, "--port-offset", String(offset)]);
    if (!ended.stderr.includes("choose another")) break;
  }
  assert.equal(ended?.code, 65, ended?.stderr);
  assert.match(ended.stderr, /gateway ended with exit code 65; see .*gateway\.log/);
  assert.match(readFileSync(join(folder.path, "log", "gateway.log"), "utf8"), /the store is damaged/);
});

test("a data directory that cannot be made is told", { timeout: 60_000 }, async () => {
  using folder = temporaryFolder();
  const file = config(folder.path);
  writeFileSync(join(folder.path, "file"), "");
  for (const data of [join(folder.path, "file", "data"), join(folder.path, "file"), "/proc/postern"]) {
    const { code, stderr } = await postern(["serve", "-c", file, "--data", data], { env: { APP_PASSWORD: "x" } });
    assert.equal(code, 73, stderr);
  }
});

test("serve: after kill -9 the socket that was left does not keep the next from starting", { timeout: 60_000 }, async () => {
  using folder = temporaryFolder();
  const data = join(folder.path, "data");
  const file = config(folder.path);
  for (let round = 0; round < 2; round++) {
    const serving = serve(file, data);
    await isReady(serving);
    assert.equal((await postern(["queue", "--count", "--data", data])).stdout, "0\n");
    await serving[Symbol.asyncDispose]();
    assert.equal((await postern(["queue", "--count", "--data", data])).code, 69);
  }
});
