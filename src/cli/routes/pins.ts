import type { Command } from "commander";
import type { PinView } from "../../admin/pin-contract.ts";
import { openControl } from "../control.ts";
import { duration, withExamples, type CommonOptions } from "../options.ts";
import { cleanCell, printJson, printTable, shortTime } from "../output.ts";

interface PinOptions extends CommonOptions {
  readonly principal?: string;
  readonly from?: string;
  readonly to?: string;
  readonly until?: number;
}

/** `routes pin`, `routes pins`, `routes unpin`: an operator's word before all rules. */
export function definePins(sub: (name: string, summary: string) => Command): void {
  const pin = sub("pin", "send what fits by one route first, as far as that route can carry it")
    .argument("<route>", "route")
    .option("--principal <name>", "what this principal submits; a network is net:NAME")
    .option("--from <pattern>", "reverse-path: user@domain, @domain, @*.domain, <>")
    .option("--to <pattern>", "recipient: user@domain, @domain, @*.domain")
    .option("--until <duration>", "for so long, such as 2h; else until `unpin`", duration)
    .action(async (route: string, _: unknown, self: Command) => {
      const { data, json, principal, from, to, until: forMs } = self.optsWithGlobals<PinOptions>();
      const view = await openControl(data).post<PinView>("/api/pins", { route, principal, from, to, forMs });
      if (json === true) return printJson(view);
      process.stdout.write(`pin ${view.id}: ${describe(view)} goes by ${cleanCell(view.route)} first${endOf(view)}\n`);
    });
  withExamples(pin, [["postern routes pin hve --principal scanner --until 2h", "what the scanner sends goes by hve, for two hours"]]);
  sub("pins", "pins in force").action(async (_: unknown, self: Command) => {
    const { data, json } = self.optsWithGlobals<CommonOptions>();
    const { pins } = await openControl(data).get<{ pins: readonly PinView[] }>("/api/pins");
    if (json === true) return printJson(pins);
    printTable(
      ["PIN", "ROUTE", "WHAT", "SINCE", "UNTIL", "BY"],
      pins.map((view) => [
        view.id,
        view.route,
        describe(view),
        shortTime(view.at),
        view.until === undefined ? "removed" : shortTime(view.until),
        view.by,
      ]),
    );
  });
  sub("unpin", "remove a pin: the rules decide again")
    .argument("<pin>", "its id, as `routes pins` shows it")
    .action(async (id: string, _: unknown, self: Command) => {
      const { data, json } = self.optsWithGlobals<CommonOptions>();
      const answer = await openControl(data).post<{ removed: string }>(`/api/pins/${encodeURIComponent(id)}/remove`);
      if (json === true) return printJson(answer);
      process.stdout.write(`removed ${answer.removed}\n`);
    });
}

function describe({ principal, from, to }: PinView): string {
  const parts = [
    ...(principal === undefined ? [] : [`what ${principal} submits`]),
    ...(from === undefined ? [] : [`from ${from}`]),
    ...(to === undefined ? [] : [`to ${to}`]),
  ];
  return cleanCell(parts.join(" "));
}

function endOf({ until }: PinView): string {
  return until === undefined ? "" : ` until ${shortTime(until)}`;
}
