import type { Command } from "commander";
import { printJson } from "../output.ts";
import { size, withData, withExamples, withJson, wholeNumber, type CommonOptions } from "../options.ts";

interface Options extends CommonOptions {
  readonly messages: number;
  readonly sessions: number;
  readonly size: number;
  readonly from: string;
  readonly to: string;
}

export default function define(command: Command): void {
  withJson(withData(command))
    .option("--messages <n>", "how many in all", wholeNumber(1, 10_000_000), 1000)
    .option("--sessions <n>", "connections at a time, each kept open", wholeNumber(1, 1000), 10)
    .option("--size <size>", "size of each message", size, 4096)
    .option("--from <address>", "sender", "bench@contoso.example")
    .option("--to <address>", "recipient", "bench@fabrikam.example")
    .action(async (options: Options) => await bench(options));
  withExamples(command, [["postern bench --messages 5000 --sessions 50", "rate of durable acceptance at the relay listener"]]);
  command.addHelpText("after", "\nThe messages are real: they are stored and relayed. Use a demo or a test gateway.");
}

async function bench({ data, json, messages, sessions, size: bytes, from, to }: Options): Promise<void> {
  const [{ findDoor }, { generateLoad }, { progressLine }] = await Promise.all([
    import("../send/door.ts"),
    import("../send/load.ts"),
    import("../progress.ts"),
  ]);
  const door = await findDoor({ data, via: "relay" });
  using progress = progressLine("accepted", messages);
  const result = await generateLoad({
    ...door,
    messages,
    sessions: Math.min(sessions, messages),
    bytes,
    from,
    to,
    onAccepted: () => progress.step(),
  });
  progress[Symbol.dispose]();
  if (json === true) return printJson(result);
  const { seconds, perSecond, latencyMs, refused } = result;
  process.stdout.write(
    `${result.accepted} messages of ${bytes} bytes over ${sessions} connections in ${seconds.toFixed(2)} s: ${Math.round(perSecond)}/s\n`,
  );
  process.stdout.write(
    `time to the 250: median ${latencyMs.median.toFixed(1)} ms, 99th percentile ${latencyMs.p99.toFixed(1)} ms, longest ${latencyMs.longest.toFixed(1)} ms\n`,
  );
  if (refused > 0) {
    process.stderr.write(`postern: ${refused} were refused: ${result.lastRefusal ?? ""}\n`);
    process.exitCode = 65;
  }
}
