import type { Command } from "commander";
import type { WhyView } from "../../admin/contract.ts";
import { openControl } from "../control.ts";
import { cleanCell, printJson, printLines } from "../output.ts";
import { withData, withExamples, withJson, type CommonOptions } from "../options.ts";

export default function define(command: Command): void {
  withJson(withData(command))
    .argument("<msgid>", "id as in our 250, or the Message-ID")
    .action(async (id: string, { data, json }: CommonOptions) => {
      const view = await openControl(data).get<WhyView>(`/api/messages/${encodeURIComponent(id)}/why`);
      if (json === true) return printJson(view);
      printLines(
        view.recipients
          .flatMap(({ address, text }, index) => [...(index === 0 ? [] : [""]), address, ...text.map((line) => `  ${line}`)])
          .map(cleanCell),
      );
    });
  withExamples(command, [["postern why MSGID", "the rule, the routes it offered, those set aside and why, for each recipient"]]);
}
