/**
 * The guides for administrators are true: each whole configuration in them passes check-config, and what they say to try with the demo is run as it
 * is written and does what they say.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import { postern } from "./support/cli.ts";
import { DemoWorld } from "./support/demo-world.ts";
import { skipUnless } from "./support/programs.ts";
import { rsaCertificate } from "./support/rsa-certificate.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

const root = join(import.meta.dirname, "..");
const run = promisify(execFile);
const guides = globSync("docs/guides/*.md", { cwd: root }).map((path) => ({
  name: basename(path, ".md"),
  text: readFileSync(join(root, path), "utf8"),
}));

const yamlOf = (text: string): readonly string[] => [...text.matchAll(/^```yaml\n([^`]*)```/gm)].map((match) => match[1] ?? "");

/** Makes what a configuration refers to. */
async function fill(folder: string, yaml: string): Promise<void> {
  const { cert, key } = await rsaCertificate("gateway.contoso.example");
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  for (const [, option = "", path = ""] of yaml.matchAll(/(\w+): \{ file: ([\w./-]+)/g)) {
    const dkim = /dkim/.test(path) ? privateKey.export({ type: "pkcs8", format: "pem" }).toString() : key;
    const text =
      option === "cert" || option === "ca"
        ? cert
        : option === "key" && !/token|keys\//.test(path)
          ? dkim
          : "a secret of more than twenty letters";
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text, { mode: 0o600 });
  }
  for (const [, path = ""] of yaml.matchAll(/- \{ file: ([\w./-]+)/g)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), path.endsWith("-acs") ? "QSBrZXkgb2Ygc2l4dGVlbiBvY3RldHM=" : "a secret", { mode: 0o600 });
  }
}

for (const { name, text } of guides) {
  for (const [n, yaml] of yamlOf(text).entries()) {
    // What begins with a host name is a whole configuration; first-steps has a test of its own.
    if (!yaml.startsWith("hostname:") || name === "first-steps") continue;
    test(`${name}: configuration ${n + 1} passes check-config`, async () => {
      using folder = temporaryFolder();
      const file = join(folder.path, "postern.yaml");
      await fill(folder.path, yaml.replaceAll("secrets: [{", "secrets:\n - {"));
      writeFileSync(file, yaml);
      const env = Object.fromEntries([...yaml.matchAll(/env: (\w+)/g)].map(([, variable = ""]) => [variable, "a secret of some length"]));
      const { code, stdout, stderr } = await postern(["check-config", file], { env });
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /no faults/, "no warnings either");
    });
  }
}

/** Who has got something by the end of a guide, and by which service of the sandbox. */
const arrivals: Readonly<Record<string, readonly (readonly [to: string, service: string])[]>> = {
  "smtp-auth-oauth": [
    ["bob@fabrikam.example", "smtp-auth"],
    ["ann@gmail.example", "smtp-auth"],
  ],
  "high-volume-email": [
    ["ann@contoso.example", "hve"],
    ["bob@fabrikam.example", "smtp-auth"],
  ],
  "acs-and-sendgrid": [
    ["bob@fabrikam.example", "acs-smtp"],
    ["bob@gmail.example", "sendgrid-smtp"],
  ],
  "connector-and-direct-send": [
    ["ann@contoso.example", "tenant-mx"],
    ["bea@contoso.example", "tenant-mx"],
  ],
  "direct-to-mx": [
    ["bob@fabrikam.example", "internet-mx"],
    ["eve@outlook.example", "internet-mx"],
  ],
  "acs-api": [["bob@fabrikam.example", "internet-mx"]],
  "sendgrid-api": [
    ["bob@fabrikam.example", "internet-mx"],
    ["ann@contoso.example", "tenant-mx"],
  ],
  identities: [["bob@fabrikam.example", "smtp-auth"]],
  "test-your-application": [],
};

suite("what the guides say to try", { timeout: 240_000, skip: skipUnless("curl") }, () => {
  let world: DemoWorld;
  before(async () => (world = await DemoWorld.open()));
  after(() => world[Symbol.asyncDispose]());

  /** As somebody would type it, but for the ports and the folder of this demo. */
  const here = (command: string): string =>
    command
      .replace(/\b(8026|8080|10443|10587)\b/g, (port) => String(Number(port) + world.demo.portOffset))
      .replaceAll(".postern/", `${world.data}/`)
      .replace(/^bin\/postern(?! (?:dns|check-config))(.*?)(?: +#.*)?$/, (_, rest: string) => `bin/postern${rest} --data ${world.data}`);

  for (const [name, expected] of Object.entries(arrivals)) {
    test(name, async () => {
      await world.sandbox("POST", "/api/reset");
      const text = guides.find((guide) => guide.name === name)?.text ?? "";
      const part = name === "test-your-application" ? text : text.slice(text.indexOf("## Try it with the demo"));
      const commands = (part.match(/^ {4}(?:bin\/postern|curl|printf|node) .*$/gm) ?? []).map((line) => line.trim());
      assert.ok(commands.length >= 2);
      for (const command of commands) {
        if (command.includes(" sandbox -c ")) continue;
        if (command.includes("--of sandbox")) {
          writeFileSync(world.file("sandbox.yaml"), yamlOf(text).at(-1) ?? "");
          writeFileSync(world.file("my-tenant.yaml"), readFileSync(join(root, "sandbox/contoso.yaml")));
        }
        const typed = here(command).replace("sandbox.yaml", world.file("sandbox.yaml"));
        await run("sh", ["-e", "-c", typed], { cwd: root, timeout: 60_000 }).catch((error: { stdout?: string; stderr?: string }) =>
          assert.fail(`${command}\n${error.stdout ?? ""}${error.stderr ?? ""}`),
        );
      }
      for (const [to, service] of expected) assert.equal((await world.arrived(to)).service, service, to);
    });
  }
});
