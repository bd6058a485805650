import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { never, only, routeTo, told } from "../support/smtp-route.ts";
import { makeTransaction } from "../support/transactions.ts";

const program = ["/usr/sbin/smtp-sink", "/usr/local/sbin/smtp-sink"].find((path) => existsSync(path));
const skip = program === undefined ? "Postfix's smtp-sink is not installed" : false;

/** Postfix's smtp-sink on a free port, until disposed. */
async function startSink(...options: string[]): Promise<{ port: number } & AsyncDisposable> {
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  const { port } = free.address() as AddressInfo;
  await free[Symbol.asyncDispose]();
  const asUser = process.getuid?.() === 0 ? ["-u", "postfix"] : [];
  const child = spawn(program as string, [...asUser, ...options, `127.0.0.1:${port}`, "100"], { stdio: "ignore" });
  const gone = once(child, "exit");
  for (let tries = 0; tries < 200 && !(await answers(port)); tries++) await new Promise((resolve) => setTimeout(resolve, 10));
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill();
      await gone;
    },
  };
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

test("smtp-sink takes many, pipelined and not", { skip }, async () => {
  for (const options of [[], ["-p"]]) {
    await using sink = await startSink(...options);
    await using route = routeTo(sink);
    const deliveries = Array.from({ length: 200 }, (_, id) => route.deliver(makeTransaction({ id, text: ".\r\n.dots\r\n" }), never));
    for (const delivery of await Promise.all(deliveries)) assert.equal(told(only(delivery)), "relayed");
  }
});

test("smtp-sink that refuses or breaks off at each step", { skip }, async () => {
  const cases: readonly (readonly [options: readonly string[], expected: RegExp])[] = [
    [["-r", "RCPT"], /^delayed .* recipient$/],
    [["-f", "RCPT"], /^failed .* recipient$/],
    [["-r", "MAIL"], /^delayed .* message$/],
    [["-f", "MAIL"], /^failed .* message$/],
    [["-r", "DATA"], /^delayed .* message$/],
    [["-f", "."], /^failed .* message$/],
    [["-Q", "DATA"], /^delayed .* remote\.unavailable route$/],
    [["-q", "MAIL"], /^delayed 4\.2 network\.connection-lost route$/],
    [["-q", "."], /^delayed in doubt 4\.2 route\.answer-lost message$/],
  ];
  for (const [options, expected] of cases) {
    await using sink = await startSink(...options);
    await using route = routeTo(sink);
    assert.match(told(only(await route.deliver(makeTransaction(), never))), expected, options.join(" "));
  }
});
