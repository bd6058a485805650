import type { Command } from "commander";
import type { DoctorView } from "../../admin/setup-contract.ts";
import { openControl } from "../control.ts";
import { cleanCell, printJson, printLines } from "../output.ts";
import { withData, withExamples, withJson, type CommonOptions } from "../options.ts";

export default function define(command: Command): void {
  withJson(withData(command))
    .argument("[route]", "route; all of them when left out")
    .action(async (route: string | undefined, { data, json }: CommonOptions) => {
      const { reports } = await openControl(data).post<DoctorView>("/api/doctor", route === undefined ? {} : { route });
      if (json === true) printJson(reports);
      else printLines(reports.flatMap((report, index) => [...(index === 0 ? [] : [""]), ...describe(report)]));
      if (reports.some(({ ok }) => !ok)) process.exitCode = 1;
    });
  withExamples(command, [
    ["postern doctor", "every route: token, connection, log-in, and what is missing; exit code 1 when something is"],
    ["postern doctor hve --json", "one route, for a program"],
  ]);
}

function describe({ title, steps, findings, notTried, ok, summary }: DoctorView["reports"][number]): string[] {
  return [
    title,
    ...steps.map((step) => `  ${step.ok ? "ok  " : "FAIL"}  ${step.name}: ${cleanCell(step.text)}`),
    ...(ok ? [`  ${cleanCell(summary)}`] : []),
    ...findings.flatMap(({ severity, text, commands }) => [
      `  ${severity === "problem" ? "MISSING" : "soon"}: ${cleanCell(text)}`,
      ...commands.map((line) => `      ${cleanCell(line)}`),
    ]),
    ...notTried.map((text) => `  not tried: ${cleanCell(text)}`),
  ];
}
