/**
 * Writes the generated documents; with `--check` it only tells which are out of step. test/docs.test.ts does the same.
 * Run: sh scripts/with-node.sh node scripts/generate-docs.ts
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeCommands } from "../src/cli/describe.ts";
import { describeConfiguration, editorSchema } from "../src/config/describe.ts";
import { gatewaySchema } from "../src/config/gateway-config.ts";
import { failureCodes, type FailureEntry } from "../src/mail/failure-codes.ts";
import { enhancedStatus } from "../src/mail/status.ts";
import { limitsReference } from "./docs/limits-reference.ts";
import { metricsReference } from "./docs/metrics-reference.ts";
import { servicesReference } from "./docs/services-reference.ts";
import { composeExample } from "../test/support/notification-example.ts";

const root = join(import.meta.dirname, "..");
const notice = "<!-- Written by scripts/generate-docs.ts: do not edit. -->";

/** Path from the root, and what must be in it. */
export function generateDocs(): ReadonlyMap<string, string> {
  return new Map([
    ["docs/reference/errors.md", errors()],
    ["docs/reference/notification.md", notification()],
    ["docs/reference/configuration.md", configuration()],
    ["docs/reference/postern.schema.json", `${JSON.stringify(editorSchema(gatewaySchema, "postern.yaml"), null, 2)}\n`],
    ["docs/reference/limits.md", limitsReference(notice)],
    ["docs/reference/metrics.md", metricsReference(notice)],
    ["docs/reference/services.md", servicesReference(notice)],
    ["docs/reference/cli.md", `${notice}\n${commandLine}`],
  ]);
}

const commandLine = await describeCommands();

function configuration(): string {
  const introduction = `
One YAML file. Unknown keys are refused, and \`postern check-config\` tells every fault with line, column and remedy. For completion in an editor let it begin with

    # yaml-language-server: $schema=https://…/docs/reference/postern.schema.json

Durations are written \`90s 5m 4h 2d\`, sizes \`64KB 10MB\` (1 KB is 1024 bytes). A secret never stands in the file: write \`{ env: NAME }\` or \`{ file: path }\`; paths are relative to
the file. \`postern reload\` applies rules, networks, principals and certificates without dropping a connection, and says what waits for a restart.
`;
  return `${notice}\n${describeConfiguration(gatewaySchema, "Configuration", introduction)}`;
}

const origins = { remote: "the next hop", network: "the way to it", policy: "our rules", internal: "Postern" } as const;

function errors(): string {
  const lines = [
    notice,
    "# What errors mean",
    "",
    "Every failure has a code that stays the same, a status (RFC 3463) and a text for whoever sends. `postern trace`, the log and the API name the code. The status begins",
    "with 4 while trying again can help, with 5 when it cannot; a next hop's own status wins. *Who* said no: the next hop, the way to it, our rules, or Postern itself.",
    "*What waits*: the recipient, the whole message, the destination, or the route with all its mail.",
  ];
  const groups = new Map<string, [string, FailureEntry][]>();
  for (const [code, entry] of Object.entries(failureCodes)) {
    const group = code.slice(0, code.indexOf("."));
    const known = groups.get(group);
    if (known === undefined) groups.set(group, [[code, entry]]);
    else known.push([code, entry]);
  }
  for (const [group, entries] of groups) {
    lines.push("", `## ${group}`, "", "| code | status | what the sender reads | what to do | who, what waits |", "|---|---|---|---|---|");
    for (const [code, { permanent, detail, origin, scope, text, remedy }] of entries) {
      lines.push(`| \`${code}\` | ${enhancedStatus(permanent, detail)} | ${cell(text)} | ${cell(remedy)} | ${origins[origin]}, ${scope} |`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function notification(): string {
  return [
    notice,
    "# What senders are told",
    "",
    "When a message cannot be passed on, is late, or (if the sender asked) was passed on to a system that does not confirm, its sender gets a notification: a part for people, a part",
    "for machines (RFC 3464), and the original or its header section. The words are in `src/reports/words/`, one file for each language. A refused recipient gives this:",
    "",
    "```",
    composeExample().replaceAll("\r\n", "\n").trimEnd(),
    "```",
    "",
    "| when | who gets one (RFC 3461 `NOTIFY`) |",
    "|---|---|",
    "| a recipient failed or expired | everybody, unless NOTIFY does not name FAILURE |",
    "| a recipient waits longer than `queue.delayNotice` | everybody, unless NOTIFY does not name DELAY; once |",
    "| a recipient was relayed to a next hop that does not speak DSN | who asked with NOTIFY=SUCCESS |",
    "| another server reports later, to a [bounce address](../guides/bounces.md), that a recipient failed, was delivered to or was relayed further | as above; once |",
    "| anything, about a message from the null reverse-path | nobody |",
    "",
    "The whole message comes back only with a failure, when RET=FULL was given and it is not too large; else its header section; of a message that returned later, the fields that name it.",
    "",
  ].join("\n");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

if (import.meta.main) {
  let behind = 0;
  for (const [path, text] of generateDocs()) {
    const file = join(root, path);
    let now = "";
    try {
      now = readFileSync(file, "utf8");
    } catch {
      // Not there yet.
    }
    if (now === text) continue;
    behind++;
    if (!process.argv.includes("--check")) writeFileSync(file, text);
    process.stdout.write(`${path}: ${process.argv.includes("--check") ? "out of step" : "written"}\n`);
  }
  if (process.argv.includes("--check") && behind > 0) process.exitCode = 1;
}
