import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { isInMemory } from "./machine/machine.ts";
import { parts, type Part } from "./rows.ts";
import type { Setting } from "./setting.ts";

export interface Options extends Omit<Setting, "folder" | "signal" | "progress"> {
  readonly help: boolean;
  readonly json: boolean;
  readonly quick: boolean;
  readonly only: ReadonlySet<Part>;
  /** Where the work folder is made. */
  readonly work: string;
}

export const usage = `npm run bench -- [options]    Postern beside Postfix, in one run (about 45 minutes; as root)

  --only PARTS      some of: ${parts.join(" ")} (separated by commas)
  --quick           fewer and shorter rounds, a shorter queue: for a first look (about 5 minutes)
  --json            the result as JSON on standard output
  --rounds N        rounds of each row (5)
  --seconds N       aimed at for a round of acceptance (3)
  --backlog N       length of the long queue (1000000; needs about 12 GB)
  --work FOLDER     where queues lie while this runs, on the disk under test (${workFolder()})
  --quiet-ms N      longest wait for an idle machine before a round (15000)
  --help

Progress goes to standard error.`;

const standard = { rounds: 5, seconds: 3, relay: 10_000, backlog: 1_000_000, dispatch: 20_000, quietMs: 15_000 };
const quickly = { rounds: 2, seconds: 0.7, relay: 2000, backlog: 50_000, dispatch: 5000, quietMs: 2000 };

/** A text says what is wrong. */
export function readOptions(args: readonly string[]): Options | string {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        only: { type: "string", multiple: true, default: [] },
        quick: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
        rounds: { type: "string" },
        seconds: { type: "string" },
        backlog: { type: "string" },
        work: { type: "string" },
        "quiet-ms": { type: "string" },
      },
    }));
  } catch (error) {
    return (error as Error).message;
  }
  const named = values.only.flatMap((text) => text.split(",")).filter((name) => name !== "");
  const unknown = named.filter((name) => !parts.includes(name as Part));
  if (unknown.length > 0) return `--only: there is no part ${unknown.join(", ")}`;
  const preset = values.quick ? quickly : standard;
  const options: Options = {
    help: values.help,
    json: values.json,
    quick: values.quick,
    only: new Set(named.length === 0 ? parts : (named as Part[])),
    work: values.work ?? workFolder(),
    rounds: Math.trunc(Number(values.rounds ?? preset.rounds)),
    secondsPerRound: Number(values.seconds ?? preset.seconds),
    relayMessages: preset.relay,
    backlog: Math.trunc(Number(values.backlog ?? preset.backlog)),
    dispatchMessages: preset.dispatch,
    quietMs: Number(values["quiet-ms"] ?? preset.quietMs),
  };
  if (!(options.rounds >= 1 && options.secondsPerRound > 0 && options.backlog >= 1000 && options.quietMs >= 0))
    return "--rounds, --seconds, --backlog (1000 and more) and --quiet-ms are numbers";
  return options;
}

/** The machine's temporary folder, unless that is in memory. */
function workFolder(): string {
  const usual = tmpdir();
  return process.platform === "linux" && isInMemory(usual) && existsSync("/var/tmp") ? "/var/tmp" : usual;
}
