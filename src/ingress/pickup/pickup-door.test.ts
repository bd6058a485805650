import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, chmodSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { RecordingSubmit } from "../../../test/support/recording-submit.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { until } from "../../../test/support/until.ts";
import { Identity } from "../../identity/identity.ts";
import type { UserOptions } from "../../identity/options.ts";
import { PolicyClock } from "../../lib/clock.ts";
import { formatId } from "../../lib/ids.ts";
import { refuse } from "../../mail/refusal.ts";
import type { PickupOptions } from "./options.ts";
import { PickupDoor } from "./pickup-door.ts";

const erp: UserOptions = { name: "erp", reversePaths: ["@contoso.example"], recipients: ["@fabrikam.example"], maxMessageSize: 100_000 };
const letter = "From: ERP <erp@contoso.example>\r\nTo: bob@fabrikam.example\r\nSubject: Invoice\r\n\r\nPay.\r\n";

class World implements AsyncDisposable {
  readonly #place = temporaryFolder();
  readonly folder = join(this.#place.path, "drop");
  readonly submit = new RecordingSubmit();
  readonly clock = new PolicyClock();
  readonly identity: Identity;
  readonly facts: string[] = [];
  readonly known = new Set<number>();
  readonly door: PickupDoor;

  constructor(options: Partial<PickupOptions> = {}, principal: Partial<UserOptions> = {}) {
    mkdirSync(this.folder, { mode: 0o770 });
    this.identity = new Identity({ networks: [], principals: [{ ...erp, ...principal }] }, { clock: this.clock });
    const { submit } = this.submit;
    const { identity, facts } = this;
    const folders = [{ name: "drop", folder: this.folder, principal: "erp", pollMs: 10, settleMs: 0, ...options }];
    this.door = new PickupDoor(
      { hostname: "gateway.contoso.example", folders },
      {
        submit,
        identity,
        isKnown: (id) => Promise.resolve(this.known.has(id)),
        log: {
          listening: () => undefined,
          accepted: ({ clientName }) => void facts.push(`accepted ${clientName}`),
          refused: ({ clientName }, code) => void facts.push(`refused ${clientName} ${code}`),
          fault: ({ clientName }, error) => void facts.push(`fault ${clientName} ${String(error)}`),
        },
      },
    );
  }

  static async open(options: Partial<PickupOptions> = {}, principal: Partial<UserOptions> = {}): Promise<World> {
    const world = new World(options, principal);
    await world.door.listen();
    return world;
  }

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  /** As a well-behaved program does it: written under another name first. */
  drop(name: string, text: string | Buffer = letter): void {
    writeFileSync(this.path(`.${name}.part`), text);
    renameSync(this.path(`.${name}.part`), this.path(name));
  }

  names(folder = ""): readonly string[] {
    return readdirSync(this.path(folder)).filter((name) => folder !== "" || (name !== "taken" && name !== "badmail"));
  }

  async fact(text: string): Promise<void> {
    await until(`${text} among ${this.facts.join(", ")}`, () => this.facts.includes(text));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.door[Symbol.asyncDispose]();
    await this.identity[Symbol.asyncDispose]();
    this.clock[Symbol.dispose]();
    this.#place[Symbol.dispose]();
  }
}

suite("a pickup folder", () => {
  test("a letter goes to To, Cc and Bcc from its author, Bcc is taken out, and the file is gone", async () => {
    await using world = await World.open();
    world.drop("a.eml", letter.replace("Subject:", "Bcc: ann@fabrikam.example\r\nSubject:").replaceAll("\r\n", "\n"));
    await world.fact("accepted a.eml");
    const [{ draft, content } = assert.fail("nothing was handed in")] = world.submit.messages;
    assert.equal(draft.envelope.reversePath, "erp@contoso.example");
    assert.deepEqual(
      draft.envelope.recipients.map(({ address }) => address),
      ["bob@fabrikam.example", "ann@fabrikam.example"],
    );
    assert.equal(draft.principal.name, "erp");
    assert.equal(content.toString(), letter);
    assert.deepEqual([world.names(), world.names("taken"), world.names("badmail")], [[], [], []]);
  });

  test("X-Sender and X-Receiver are the envelope, as IIS has them", async () => {
    await using world = await World.open();
    world.drop(
      "a.eml",
      `X-Sender: bounce@contoso.example\r\nX-Receiver: x@fabrikam.example\r\nX-Receiver: y@fabrikam.example\r\n${letter}`,
    );
    await world.fact("accepted a.eml");
    const [{ draft, content } = assert.fail("nothing was handed in")] = world.submit.messages;
    assert.equal(draft.envelope.reversePath, "bounce@contoso.example");
    assert.deepEqual(
      draft.envelope.recipients.map(({ address }) => address),
      ["x@fabrikam.example", "y@fabrikam.example"],
    );
    assert.equal(content.toString(), letter);
  });

  test("a file that grows is left alone until it has settled", async () => {
    await using world = await World.open({ settleMs: 400 });
    const started = performance.now();
    writeFileSync(world.path("slow.eml"), letter);
    for (let n = 0; n < 8; n++) {
      appendFileSync(world.path("slow.eml"), `line ${n}\r\n`);
      await new Promise((resolve) => setTimeout(resolve, 100));
      if (performance.now() - started > 3000) break;
    }
    await world.fact("accepted slow.eml");
    assert.match(world.submit.messages[0]?.content.toString() ?? "", /line 7\r\n$/);
    assert.equal(world.submit.messages.length, 1);
  });

  test("what is refused for good lies in badmail with the reason, and harms no other", async () => {
    await using world = await World.open();
    const bad: Readonly<Record<string, readonly [string, string]>> = {
      "sender.eml": [letter.replace("erp@contoso", "boss@elsewhere"), "submission.reverse-path-not-allowed"],
      "recipient.eml": [letter.replace("bob@fabrikam", "bob@elsewhere"), "submission.recipient-not-allowed"],
      "nobody.eml": [letter.replace("To: bob@fabrikam.example\r\n", ""), "pickup.no-envelope"],
      "from.eml": [letter.replace(/^From.*\r\n/, ""), "pickup.no-envelope"],
      "two-ways.eml": [
        letter.replace("bob@", "director@fabrikam.example <bob@").replace("bob@fabrikam.example", "bob@fabrikam.example>"),
        "submission.header-syntax",
      ],
      "large.eml": [`${letter}${"x".repeat(120_000)}`, "submission.too-large"],
      "nul.eml": [`${letter}\0`, "submission.line-ending"],
      "long.eml": [`X: ${"x".repeat(300_000)}`, "submission.too-large"],
    };
    for (const [name, [text]] of Object.entries(bad)) world.drop(name, text);
    world.drop("good.eml");
    for (const [name, [, code]] of Object.entries(bad)) await world.fact(`refused ${name} ${code}`);
    await world.fact("accepted good.eml");
    await until("all moved", () => world.names().length === 0);
    const aside = world.names("badmail");
    assert.equal(aside.length, 2 * Object.keys(bad).length);
    const reason = aside.find((name) => name.endsWith("recipient.eml.txt")) ?? "";
    assert.match(
      readFileSync(world.path("badmail", reason), "utf8"),
      /^"recipient\.eml" was not sent .*\nsubmission\.recipient-not-allowed: 5\.7\.1 The recipient bob@elsewhere\.example .*\nWhat to do: /,
    );
    assert.equal(readFileSync(world.path("badmail", reason.replace(/\.txt$/, "")), "utf8"), bad["recipient.eml"]?.[0]);
    assert.equal(world.submit.messages.length, 1);
  });

  test("links, pipes and folders are moved aside unread; other names are not touched", { skip: process.platform === "win32" }, async () => {
    await using world = await World.open();
    const secret = join(world.folder, "..", "secret");
    writeFileSync(secret, letter);
    symlinkSync(secret, world.path("link.eml"));
    linkSync(secret, world.path("hard.eml"));
    mkdirSync(world.path("folder.eml"));
    execFileSync("mkfifo", [world.path("pipe.eml")]);
    writeFileSync(world.path("notes.txt"), letter);
    writeFileSync(world.path(".hidden.eml"), letter);
    for (const name of ["link.eml", "hard.eml", "folder.eml", "pipe.eml"]) await world.fact(`refused ${name} pickup.not-a-plain-file`);
    await until("all moved", () => world.names().length === 2);
    assert.equal(world.submit.messages.length, 0);
    assert.equal(readFileSync(secret, "utf8"), letter);
  });

  test("what is refused for now stays, and a used-up rate makes the folder wait", async () => {
    await using world = await World.open({}, { rate: { messages: 1, perMs: 3_600_000 } });
    world.submit.refusal = refuse("spool.full");
    world.drop("a.eml");
    await world.fact("refused a.eml spool.full");
    assert.deepEqual([world.names(), world.names("badmail")], [["a.eml"], []]);
    world.submit.refusal = null;
    world.drop("b.eml");
    await world.fact("accepted b.eml");
    world.drop("c.eml");
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(world.names(), ["a.eml", "c.eml"]);
  });

  test("after a crash the queue says which files were sent; a new file of the same name is kept", async () => {
    const world = new World();
    await using _ = world;
    mkdirSync(world.path("taken"), { mode: 0o700 });
    for (const [id, name] of [
      [7, "sent.eml"],
      [8, "unsent.eml"],
      [9, "twice.eml"],
    ] as const)
      writeFileSync(world.path("taken", `${formatId(id)}.${name}`), letter.replace("Invoice", name));
    writeFileSync(world.path("twice.eml"), letter.replace("Invoice", "another"));
    world.known.add(7);
    await world.door.listen();
    await until("three sent", () => world.submit.messages.length === 3 && world.names().length === 0);
    const subjects = world.submit.messages.map(({ content }) => /Subject: (.*)\r/.exec(content.toString())?.[1]);
    assert.deepEqual(subjects.sort(), ["another", "twice.eml", "unsent.eml"]);
    assert.deepEqual([world.names(), world.names("taken")], [[], []]);
  });

  test("a folder that is made anew is used again, and one that is away is told once", async () => {
    await using world = await World.open();
    renameSync(world.folder, `${world.folder}-before`);
    await until("not ready", () => !world.door.ready());
    mkdirSync(world.folder, { mode: 0o770 });
    world.drop("a.eml");
    await world.fact("accepted a.eml");
    await until("ready again", () => world.door.ready());
    assert.equal(world.facts.filter((fact) => fact.startsWith("fault")).length, 1);
  });

  test("a folder that everybody may change, or one with a stranger's link in place of ours, is refused", async () => {
    const open = new World();
    await using _one = open;
    chmodSync(open.folder, 0o777);
    await assert.rejects(open.door.listen(), /everybody can replace files/);
    const linked = new World();
    await using _two = linked;
    symlinkSync("/tmp", linked.path("taken"));
    await assert.rejects(linked.door.listen(), { code: "ENOTDIR" });
  });
});
