import assert from "node:assert/strict";
import { chmodSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { LocalWorld } from "../support/local-world.ts";
import { skipUnless } from "../support/programs.ts";
import { runProgram } from "../support/run-program.ts";
import { postern } from "../support/cli.ts";

const launcher = join(import.meta.dirname, "../../bin/postern");
const letter =
  "From: App <app@contoso.example>\nTo: Bob <bob@fabrikam.example>\nBcc: boss@contoso.example\nSubject: Hi\n\nHello.\n.\nMore.\n";

suite("postern sendmail", { timeout: 180_000 }, () => {
  let world: LocalWorld;
  let count = 0;
  before(async () => {
    world = await LocalWorld.open(
      "sendmail: [{ name: local, socket: sendmail.sock, principal: local, group: '0', maxMessageSize: 6MB, domain: contoso.example }]\n",
    );
    for (const name of ["sendmail", "mailq"]) symlinkSync(launcher, world.path(name));
  });
  after(async () => await world[Symbol.asyncDispose]());
  const env = () => ({ POSTERN_SENDMAIL_SOCKET: world.path("sendmail.sock") });
  const send = async (args: readonly string[], input: string) => await postern(["sendmail", ...args], { input, env: env() });
  const next = async () => await world.message(++count);

  test("-t reads recipients from the header, takes Bcc out, and -i keeps a lone dot", async () => {
    assert.deepEqual(await send(["-t", "-i", "-f", "bounce@contoso.example"], letter), { code: 0, stdout: "", stderr: "" });
    const arrived = await next();
    assert.equal(arrived.reversePath, "bounce@contoso.example");
    assert.deepEqual(
      arrived.recipients.map(({ address }) => address),
      ["bob@fabrikam.example", "boss@contoso.example"],
    );
    assert.doesNotMatch(arrived.content, /boss/);
    assert.match(arrived.content, /^Received: from \S+\r\n\tby gateway\.contoso\.example \(Postern\) with ESMTP/);
    assert.match(arrived.content, /Subject: Hi\r\n\r\nHello\.\r\n\.\r\nMore\.\r\n$/);
  });

  test("a lone dot ends the letter without -i, and the user stands for a sender that is not given", async () => {
    assert.equal((await send(["bob@fabrikam.example,ann@fabrikam.example"], letter)).code, 0);
    const arrived = await next();
    assert.match(arrived.content, /Hello\.\r\n$/);
    assert.match(arrived.reversePath ?? "", /^[^@]+@contoso\.example$/);
    assert.equal(arrived.recipients.length, 2);
  });

  test("what cron writes is completed: names without a domain in envelope and header", async () => {
    const cron = "From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@host> true\n\nout\n";
    assert.equal((await send(["-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root"], cron)).code, 0);
    const arrived = await next();
    assert.equal(arrived.reversePath, "root@contoso.example");
    assert.match(arrived.content, /\nFrom: root@contoso\.example \(Cron Daemon\)\r\nTo: root@contoso\.example\r\n/);
  });

  test("-F, -N, -R and -V: a From field, notification wishes and the envelope id", async () => {
    const options = ["-F", "Zoë Müller", "-N", "failure,delay", "-R", "hdrs", "-V", "order 17", "-f", "app@contoso.example", "-B8BITMIME"];
    assert.equal((await send([...options, "--", "bob@fabrikam.example"], "just text\n")).code, 0);
    const arrived = await next();
    assert.equal(arrived.envid, "order 17");
    assert.equal(arrived.ret, "HDRS");
    assert.deepEqual(arrived.recipients[0]?.notify, { never: false, success: false, failure: true, delay: true });
    assert.match(arrived.content, /\nFrom: =\?utf-8\?\S+ <app@contoso\.example>\r\n/i);
    assert.match(arrived.content, /\r\n\r\njust text\r\n$/);
  });

  test("a link named sendmail is sendmail: from a shell, as PHP calls it", async () => {
    const sendmail = world.path("sendmail");
    const shell = await runProgram("sh", ["-c", `"${sendmail}" -t -i -fapp@contoso.example`], { input: letter, env: env() });
    assert.equal(shell.code, 0, shell.stderr);
    assert.equal((await next()).reversePath, "app@contoso.example");
  });

  for (const [program, script] of [
    ["perl", `open(my $m, "|-", $ARGV[0], "-oi", "-t", "-f", "app\\@contoso.example") or die; print $m $ARGV[1]; close($m) or die $?;`],
    [
      "python3",
      "import subprocess,sys\nsubprocess.run([sys.argv[1],'-t','-oi','-fapp@contoso.example'],input=sys.argv[2].encode(),check=True)",
    ],
  ] as const)
    test(`${program} sends through a pipe`, { skip: skipUnless(program) }, async () => {
      const done = await runProgram(program, [program === "perl" ? "-e" : "-c", script, world.path("sendmail"), letter], { env: env() });
      assert.equal(done.code, 0, done.stderr);
      assert.match((await next()).content, /More\.\r\n$/);
    });

  test("-bs: the caller speaks SMTP, pipelined or not", async () => {
    const dialog = "EHLO me\r\nMAIL FROM:<app@contoso.example>\r\nRCPT TO:<bob@fabrikam.example>\r\nDATA\r\n";
    const done = await send(["-bs"], `${dialog}${letter.replaceAll("\n.\n", "\n..\n").replaceAll("\n", "\r\n")}.\r\nQUIT\r\n`);
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /^220 [^]*250 2\.0\.0 Ok: queued as [0-9A-Z]{11}\r\n221 /);
    assert.match((await next()).content, /Hello\.\r\n\.\r\nMore\.\r\n$/);
  });

  test("fences hold, and the exit code says which: nothing is sent to anybody then", async () => {
    const cases: readonly (readonly [number, readonly string[], string])[] = [
      [77, ["-f", "boss@elsewhere.example", "bob@fabrikam.example"], letter],
      [77, ["-f", "app@contoso.example", "bob@fabrikam.example", "x@forbidden.example"], letter],
      [77, ["-f", "app@contoso.example", "bob@fabrikam.example"], letter.replace("app@contoso", "boss@elsewhere")],
      [65, ["-f", "not an address", "bob@fabrikam.example"], letter],
      [65, ["-t", "-f", "app@contoso.example"], letter.replace("Bob <bob@fabrikam.example>", "a@b.example <c@d.example>")],
      [
        65,
        ["-f", "app@contoso.example", "bob@fabrikam.example"],
        `${letter}${"x".repeat(70)}\n`.replace("More.", "More.\n".repeat(1_200_000)),
      ],
      // Far more than the door takes: it says so in the middle, and closes.
      [65, ["-f", "app@contoso.example", "bob@fabrikam.example"], `${letter}${"More than enough of it.\n".repeat(900_000)}`],
      [64, [], letter],
      [64, ["-t"], "Subject: nobody\n\nHi\n"],
      [64, ["-bd"], ""],
      [64, ["-Y", "bob@fabrikam.example"], letter],
    ];
    for (const [code, args, input] of cases) {
      const done = await send(input.length > 1e6 ? ["-i", ...args] : args, input);
      assert.equal(done.code, code, `${args.join(" ")}: ${done.stderr}`);
      assert.match(done.stderr, /^postern: sendmail: /);
    }
    assert.equal(world.arrived().length, count);
  });

  test("-q, -bi and newaliases have nothing to do, and -bp lists the queue for the operator", async () => {
    assert.deepEqual(await send(["-q30m"], ""), { code: 0, stdout: "", stderr: "" });
    assert.equal((await send(["-bi"], "")).code, 0);
    const listed = await runProgram(world.path("mailq"), ["--data", world.place.data], { env: env() });
    assert.equal(listed.code, 0, listed.stderr);
    const elsewhere = await send(["-bp", "--data", world.path("out")], "");
    assert.equal(elsewhere.code, 69);
  });

  test("the socket is its group's alone, and counts as a door", async () => {
    const socket = statSync(world.path("sendmail.sock"));
    assert.equal(socket.mode & 0o777, 0o660);
    assert.equal(socket.gid, 0);
    const status = await postern(["status", "--data", world.place.data]);
    assert.match(status.stdout, /listener local \(sendmail\) \S+\/sendmail\.sock up/);
    assert.match(world.gateway?.log ?? "", /"principal":"local","door":"sendmail","size"/);
  });

  test("without the gateway it is 75, after a crash the socket is taken again", async () => {
    await world.gateway?.kill();
    const down = await send(["-t"], letter);
    assert.equal(down.code, 75);
    assert.match(down.stderr, /the gateway does not run .* nothing was sent, try again later/);
    const smtp = await send(["-bs"], "");
    assert.equal(smtp.code, 75);
    assert.match(smtp.stdout, /^421 4\.3\.2 /);
    await world.start();
    assert.equal((await send(["-t", "-f", "app@contoso.example"], letter)).code, 0);
    await next();
  });

  test("a socket that may not be opened is 77", async () => {
    chmodSync(world.path("sendmail.sock"), 0);
    const command = ["--disable-warning=ExperimentalWarning", join(import.meta.dirname, "../../src/cli/postern.ts"), "sendmail", "-t"];
    // Root may open everything, unless it is run without that.
    const lesser = ["--bounding-set=-dac_override,-dac_read_search", process.execPath, ...command];
    const options = { input: letter, env: env() };
    const { code } = await (process.getuid?.() === 0
      ? runProgram("setpriv", lesser, options)
      : runProgram(process.execPath, command, options));
    assert.equal(code, 77);
  });
});
