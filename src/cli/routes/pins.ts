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

/** `queue pin`, `queue unpin`: the same for one message that waits. */
export function defineMessagePins(sub: (name: string, summary: string) => Command): void {
  const pin = sub("pin", "send a message by one route first, as far as that route can carry it")
    .argument("<msgid>", "id, or Message-ID")
    .requiredOption("--route <name>", "route")
    .option("--until <duration>", "for so long, such as 2h; else until `unpin` or the end of the message", duration)
    .action(async (message: string, _: unknown, self: Command) => {
      const { data, json, route, until: forMs } = self.optsWithGlobals<PinOptions & { readonly route: string }>();
      const view = await openControl(data).post<PinView>("/api/pins", { route, message, forMs });
      if (json === true) return printJson(view);
      process.stdout.write(`pin ${view.id}: ${describe(view)} goes by ${cleanCell(view.route)} first, from its next attempt on\n`);
    });
  withExamples(pin, [["postern queue pin MSGID --route hve", "its next attempt goes by hve; `postern queue retry MSGID` makes it now"]]);
  sub("unpin", "remove the pins of a message: the rules decide again")
    .argument("<msgid>", "id, or Message-ID")
    .action(async (text: string, _: unknown, self: Command) => {
      const { data, json } = self.optsWithGlobals<CommonOptions>();
      const control = openControl(data);
      const { id } = await control.get<{ id: string }>(`/api/messages/${encodeURIComponent(text)}`);
      const { pins } = await control.get<{ pins: readonly PinView[] }>("/api/pins");
      const mine = pins.filter(({ message }) => message === id);
      for (const pin of mine) await control.post(`/api/pins/${encodeURIComponent(pin.id)}/remove`);
      if (json === true) return printJson({ removed: mine.map((pin) => pin.id) });
      process.stdout.write(mine.length === 0 ? `${id} is not pinned\n` : `removed ${mine.map((pin) => pin.id).join(", ")}\n`);
      if (mine.length === 0) process.exitCode = 1;
    });
}

function describe({ message, principal, from, to }: PinView): string {
  const parts = [
    ...(message === undefined ? [] : [`message ${message}`]),
    ...(principal === undefined ? [] : [`what ${principal} submits`]),
    ...(from === undefined ? [] : [`from ${from}`]),
    ...(to === undefined ? [] : [`to ${to}`]),
  ];
  return cleanCell(parts.join(" "));
}

function endOf({ until }: PinView): string {
  return until === undefined ? "" : ` until ${shortTime(until)}`;
}
