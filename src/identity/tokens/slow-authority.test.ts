/** An authority that hangs, trickles, floods or sends elsewhere: an identity's question has an end in time and size, and its mail waits. */
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { suite, test } from "node:test";
import { changeable } from "../../../test/support/readers.ts";
import { failing, scope, signal, tokenWorlds } from "../../../test/support/token-worlds.ts";
import { until } from "../../../test/support/until.ts";

const { open, withSecrets, authority } = tokenWorlds();
/** Long enough for a TLS handshake on a machine that others use. */
const timeoutMs = 1000;

/** A piece every 20 ms until the other side leaves. */
function trickle(response: ServerResponse, piece: () => void): void {
  const timer = setInterval(piece, 20);
  response.once("close", () => clearInterval(timer));
}

suite("a slow or broken authority", { timeout: 30_000 }, () => {
  for (const [what, respond] of [
    ["says nothing", () => undefined],
    [
      "trickles a body without end",
      (response: ServerResponse) => {
        response.writeHead(200, { "content-type": "application/json" });
        trickle(response, () => response.write(" "));
      },
    ],
    [
      "trickles headers without end",
      (response: ServerResponse) => {
        response.socket?.write("HTTP/1.1 200 OK\r\n");
        let n = 0;
        trickle(response, () => response.socket?.write(`x-${n++}: y\r\n`));
      },
    ],
    [
      "hints without end (103)",
      (response: ServerResponse) => trickle(response, () => response.socket?.write("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")),
    ],
  ] as const) {
    test(`${what}: given up in time, remembered, and not asked again at once`, async () => {
      await using world = open(withSecrets(changeable("s3cret-value")), { timeoutMs });
      authority().respond = respond;
      const start = performance.now();
      const failed = await failing(world);
      const tookMs = performance.now() - start;
      assert.ok(tookMs > timeoutMs - 50 && tookMs < timeoutMs + 1500, `${tookMs} ms`);
      assert.deepEqual([failed.code, failed.temporary], ["unreachable", true]);
      assert.match(failed.message, /no answer from login\.example in 1000 ms/);
      const again = performance.now();
      await failing(world);
      assert.ok(performance.now() - again < 100, "the second one is told what the first one met");
      assert.equal(authority().requests.length, 1);
    });
  }

  test("5 MB in place of a token: left after 256 KB", async () => {
    await using world = open(withSecrets(changeable("s3cret-value")));
    let written = 0;
    authority().respond = (response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": 5 * 1024 * 1024 });
      const pour = (): void => {
        for (;;) {
          if (response.destroyed || written >= 5 * 1024 * 1024) return;
          written += 65_536;
          if (!response.write(Buffer.alloc(65_536, " "))) return void response.once("drain", pour);
        }
      };
      pour();
    };
    assert.match((await failing(world)).message, /sent more than 262144 bytes/);
    assert.ok(written < 5 * 1024 * 1024, "it was left in the middle");
  });

  test("a redirect is not followed: no secret goes elsewhere", async () => {
    await using world = open(withSecrets(changeable("s3cret-value")));
    authority().respond = (response) =>
      response.writeHead(307, { location: "https://login.example/elsewhere/oauth2/v2.0/token" }).end("moved");
    const failed = await failing(world);
    assert.equal(failed.code, "unexpected");
    assert.equal(authority().requests.length, 1);
  });

  test("an answer that comes late but in time is everybody's who waited", async () => {
    await using world = open(withSecrets(changeable("s3cret-value")));
    let late: (() => void) | undefined;
    authority().respond = (response) => {
      late = () => response.end(JSON.stringify({ access_token: "token-late", expires_in: 3600 }));
    };
    const waiting = Array.from({ length: 200 }, () => world.source.token(scope, signal));
    await until("asked", () => late !== undefined);
    late?.();
    const tokens = await Promise.all(waiting);
    assert.ok(tokens.every(({ token }) => token === "token-late"));
    assert.equal(authority().requests.length, 1);
  });
});
