import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { Rehearsal } from "../../../../test/support/smtp-rehearsal.ts";
import type { SessionOptions } from "./session.ts";

/**
 * Plays dialogs/*.txt. `C: ` is a line of the client, sent with CR LF (with `\r \n \0 \xNN \\` for what cannot be seen, and without CR LF
 * when the line begins with `C~ `); client lines that follow each other are sent at once. `S: ` is a line of the server; all are listed.
 * `-- TLS` is a handshake, `-- closed` the server's close, `# options: {…}` the session's options. Each dialog must come out the same
 * with the bytes in one piece and one by one, and with a handler that answers at once and one that does not.
 */
const folder = new URL("dialogs/", import.meta.url);

interface Step {
  readonly kind: "client" | "server" | "TLS" | "closed";
  readonly text: string;
}

function parse(file: string): { options: Partial<SessionOptions>; steps: readonly Step[] } {
  const steps: Step[] = [];
  let options: Partial<SessionOptions> = {};
  for (const line of readFileSync(new URL(file, folder), "utf8").split("\n")) {
    if (line.startsWith("# options: ")) options = JSON.parse(line.slice(11)) as Partial<SessionOptions>;
    else if (line.startsWith("C: ") || line === "C:") steps.push({ kind: "client", text: `${unescape(line.slice(3))}\r\n` });
    else if (line.startsWith("C~ ")) steps.push({ kind: "client", text: unescape(line.slice(3)) });
    else if (line.startsWith("S: ")) steps.push({ kind: "server", text: `${line.slice(3)}\r\n` });
    else if (line === "-- TLS") steps.push({ kind: "TLS", text: "" });
    else if (line === "-- closed") steps.push({ kind: "closed", text: "" });
    else if (line !== "" && !line.startsWith("#")) throw new Error(`${file}: ${line}`);
  }
  return { options, steps };
}

/** UTF-8 as bytes in a latin1 string, so that `\xNN` can be any byte. */
function unescape(text: string): string {
  return Buffer.from(text, "utf8")
    .toString("latin1")
    .replace(/\\(?:x([0-9a-f]{2})|([rn0\\]))/g, (_, hex: string | undefined, name: string) =>
      hex === undefined ? ({ r: "\r", n: "\n", "0": "\0" }[name] ?? "\\") : String.fromCharCode(Number.parseInt(hex, 16)),
    );
}

async function play(file: string, cut: ((rest: number) => number) | undefined, slow: boolean): Promise<void> {
  const { options, steps } = parse(file);
  const rehearsal = new Rehearsal(options, slow);
  rehearsal.session.start();
  for (let i = 0; i < steps.length;) {
    const { kind } = steps[i] as Step;
    let text = "";
    while (steps[i]?.kind === kind) text += (steps[i++] as Step).text;
    if (kind === "client") await rehearsal.send(Buffer.from(text, "latin1"), cut);
    else if (kind === "server") {
      assert.equal(rehearsal.output, text, `${file}, step ${i}`);
      rehearsal.output = "";
    } else if (kind === "TLS") {
      assert.equal(rehearsal.session.phase, "tls");
      rehearsal.session.secured();
    } else assert.equal(rehearsal.wireClosed, true, `${file}: should be closed`);
  }
  assert.equal(rehearsal.output, "", `${file}: more was said`);
  assert.equal(rehearsal.wireClosed, steps.at(-1)?.kind === "closed", file);
  assert.deepEqual(
    rehearsal.faults.filter((fault) => !(fault instanceof Error && /^(?:a bug|cannot write)$/.test(fault.message))),
    [],
  );
}

suite("SMTP dialogs", () => {
  for (const file of readdirSync(folder).toSorted()) {
    test(file, async () => {
      for (const slow of [false, true]) {
        await play(file, undefined, slow);
        await play(file, () => 1, slow);
      }
    });
  }

  test("the reference shows the simplest as it is", () => {
    const reference = readFileSync(new URL("../../../../docs/reference/smtp.md", import.meta.url), "utf8");
    assert.ok(reference.includes(`\n${readFileSync(new URL("simple.txt", folder), "utf8")}\`\`\``));
  });
});
