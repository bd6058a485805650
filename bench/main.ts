/**
 * `npm run bench`: Postern beside Debian's Postfix on this machine, in one run. README.md tells what each row means.
 *
 * It measures and does not judge by its exit code: 0 when it has measured, whatever the figures; 69 when something is missing for that; 64
 * for options it does not know; 70 when the measurement itself failed.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { hasProgram } from "../test/support/programs.ts";
import { CannotMeasure } from "./cannot-measure.ts";
import { judge, type Row } from "./goals.ts";
import { describeMachine, isInMemory } from "./machine/machine.ts";
import { readOptions, usage, type Options } from "./options.ts";
import { formatRemarks, formatTable } from "./report.ts";
import { measure, needsPeers } from "./rows.ts";

const exit = { usage: 64, unavailable: 69, software: 70 } as const;

function missing({ work, only }: Options): string | null {
  if (!needsPeers(only)) return null;
  const programs = ["postfix", "smtp-source", "smtp-sink"].filter((program) => !hasProgram(program));
  if (process.platform !== "linux") return "this measures on Linux only";
  if (programs.length > 0)
    return (
      `${programs.join(", ")} not found. On Debian or Ubuntu, as root:\n` +
      `    echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections\n` +
      `    apt-get install -y --no-install-recommends postfix`
    );
  if (!existsSync("/usr/share/postfix/master.cf.dist")) return "this is not Debian's Postfix: /usr/share/postfix/master.cf.dist is missing";
  if (userInfo().uid !== 0) return "Postfix can be started by root only: run this as root";
  if (!existsSync(work)) return `${work} does not exist`;
  if (isInMemory(work)) return `${work} is in memory, where a sync means nothing: name a folder on a disk with --work`;
  return null;
}

function describe({ only }: Options): string {
  if (!needsPeers(only)) return describeMachine();
  const version = execFileSync("postconf", ["-d", "-h", "mail_version"], { encoding: "utf8" }).trim();
  return `${describeMachine()}, Postfix ${version}`;
}

async function run(options: Options): Promise<void> {
  const begun = performance.now();
  const folder = mkdtempSync(join(options.work, "postern-bench-"));
  // Postfix's processes leave root's rights and must still get to their queue.
  chmodSync(folder, 0o755);
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort(new CannotMeasure("interrupted")));
  const progress = (text: string): void => {
    process.stderr.write(`${((performance.now() - begun) / 1000).toFixed(0).padStart(5)} s  ${text}\n`);
  };
  progress(`${describe(options)}${options.quick ? "; quick: figures for a first look only" : ""}`);
  const rows: Row[] = [];
  let failed: Error | null = null;
  try {
    for await (const row of measure(options.only, { ...options, folder, signal: stop.signal, progress })) rows.push(row);
  } catch (error) {
    failed = (stop.signal.aborted ? stop.signal.reason : error) as Error;
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
  if (options.json) {
    const result = { at: new Date().toISOString(), machine: describe(options), quick: options.quick, rounds: options.rounds };
    const judged = rows.map((row) => ({ ...row, verdict: judge(row) }));
    process.stdout.write(`${JSON.stringify({ ...result, rows: judged, failed: failed?.message ?? null }, null, 2)}\n`);
  } else if (rows.length > 0) {
    process.stdout.write(`\n${formatTable(rows)}\n\n${notes(rows, options)}\n`);
  }
  if (failed !== null) throw failed;
}

function notes(rows: readonly Row[], options: Options): string {
  const { rounds, quick } = options;
  if (!needsPeers(options.only))
    return `${describe(options)}. Limits by processor time of one thread, forecasts by the clock; medians of ${rounds} rounds.`;
  const remarks = formatRemarks(rows);
  return [
    `${describe(options)}. Medians of ${rounds} rounds, ratios taken round by round; both peers sync before they acknowledge.`,
    ...(quick ? ["Quick: too short and too few for a claim."] : []),
    remarks === "" ? "Nobody else used more than a tenth of the machine in any round; nothing was lost or doubled." : remarks,
  ].join("\n");
}

const options = readOptions(process.argv.slice(2));
if (typeof options === "string") {
  process.stderr.write(`${options}\n\n${usage}\n`);
  process.exitCode = exit.usage;
} else if (options.help) {
  process.stdout.write(`${usage}\n`);
} else {
  const lacking = missing(options);
  if (lacking === null) {
    await run(options).catch((error: unknown) => {
      process.stderr.write(`bench: ${error instanceof CannotMeasure ? error.message : ((error as Error).stack ?? String(error))}\n`);
      process.exitCode = error instanceof CannotMeasure ? exit.unavailable : exit.software;
    });
  } else {
    process.stderr.write(`bench: ${lacking}\n`);
    process.exitCode = exit.unavailable;
  }
}
