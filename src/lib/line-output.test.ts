import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { until } from "../../test/support/until.ts";
import { openLineOutput } from "./line-output.ts";

const dropped = (count: number): string => `dropped ${count}\n`;

test("every line arrives, in order, whole", async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "log");
  const descriptor = openSync(file, "w");
  const expected: string[] = [];
  {
    await using output = openLineOutput(descriptor, { dropped, gather: 1000 });
    for (let i = 0; i < 5000; i++) {
      const line = `${i} ${"ü".repeat(i % 50)}\n`;
      expected.push(line);
      output.write(line);
      if (i % 700 === 0) await output.drain();
    }
  }
  assert.equal(readFileSync(file, "utf8"), expected.join(""));
  closeSync(descriptor);
});

test("a single line does not wait for more", async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "log");
  const descriptor = openSync(file, "w");
  await using output = openLineOutput(descriptor, { dropped, delayMs: 5 });
  output.write("one\n");
  await until("it is written", () => readFileSync(file, "utf8") === "one\n");
});

test("flush writes before the process ends", () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "log");
  const descriptor = openSync(file, "w");
  const output = openLineOutput(descriptor, { dropped });
  output.write("last words\n");
  output.flush();
  assert.equal(readFileSync(file, "utf8"), "last words\n");
});

test("a reader that stops costs bounded memory, and is told what it missed", async () => {
  using folder = temporaryFolder();
  const fifo = join(folder.path, "fifo");
  execFileSync("mkfifo", [fifo]);
  // Read and write, so that opening does not wait for the other side.
  const descriptor = openSync(fifo, constants.O_RDWR);
  const output = openLineOutput(descriptor, { dropped, gather: 1000, most: 200_000 });
  const line = `${"x".repeat(99)}\n`;
  const written = 10_000;
  for (let i = 0; i < written; i++) output.write(line);
  const drained = output.drain();
  let text = "";
  const buffer = Buffer.alloc(65_536);
  const end = () => /dropped (\d+)\n/.exec(text);
  while (end() === null) {
    text += buffer.toString("latin1", 0, readSync(descriptor, buffer));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await drained;
  const lost = Number(end()?.[1]);
  assert.ok(lost > 0);
  assert.equal(text.split(line).length - 1 + lost, written);
  await output[Symbol.asyncDispose]();
  closeSync(descriptor);
});
