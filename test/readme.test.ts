import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { startDemo } from "./support/demo.ts";
import { skipUnless } from "./support/programs.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { until } from "./support/until.ts";

const root = join(import.meta.dirname, "..");
const run = promisify(execFile);

/** The indented blocks of a section, without their indentation. */
function commandBlocks(markdown: string, heading: string): readonly string[] {
  const [, behind = ""] = markdown.split(`\n## ${heading}\n`);
  const [section = ""] = behind.split("\n## ");
  return [...section.matchAll(/(?:^ {4}.*\n)+/gm)].map((match) => match[0].replace(/^ {4}/gm, ""));
}

test(
  "the first five minutes of the README happen as written",
  { skip: skipUnless("swaks", "curl", "python3"), timeout: 180_000 },
  async () => {
    using folder = temporaryFolder();
    const data = join(folder.path, "data");
    await using demo = await startDemo(data);
    const port = (name: string): string => String(Number(name) + demo.portOffset);
    let id = "";
    /** The command as somebody would type it, but for the demo of this test. */
    const play = async (block: string): Promise<string> => {
      const script = block
        .replace(/\b(2525|2587|2465|8025|8026)\b/g, port)
        .replaceAll(".postern/", `${data}/`)
        .replace(/bin\/postern (\w+)/g, `bin/postern $1 --data ${data}`)
        .replaceAll("006YRMHE40D", id);
      const { stdout } = await run("sh", ["-e", "-c", script], { cwd: root, timeout: 60_000 });
      return stdout;
    };
    const receivedBy = async (address: string): Promise<readonly { subject: string }[]> => {
      const response = await fetch(`http://127.0.0.1:${port("8026")}/api/messages?to=${address}`);
      return (await response.json()) as readonly { subject: string }[];
    };

    const blocks = commandBlocks(readFileSync(join(root, "README.md"), "utf8"), "The first five minutes");
    const [send = "", swaks = "", curl = "", python = "", look = "", wrong = ""] = blocks;
    assert.equal(blocks.length, 6);
    id = (await play(send)).trim();
    assert.match(id, /^[0-9A-Z]{11}$/);
    await play(swaks);
    await play(curl);
    await play(python);
    await until("four messages at the other side", async () => (await receivedBy("bob@fabrikam.example")).length === 4);
    const looked = await play(look);
    assert.match(looked, /bob@fabrikam\.example: relayed/);
    assert.match(looked, /Rule "external" decides/);
    await play(wrong);
    await until("the notification", async () =>
      (await receivedBy("app@contoso.example")).some(({ subject }) => subject === "Undeliverable: Offer"),
    );
  },
);
