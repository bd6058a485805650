import type { Command } from "commander";
import type { IdentityView, StatusView } from "../../admin/contract.ts";
import { formatDuration, formatSize } from "../../lib/units.ts";
import { explainGate } from "../../reports/explain-limit.ts";
import { openControl } from "../control.ts";
import { printJson, printLines } from "../output.ts";
import { withData, withExamples, withJson, type CommonOptions } from "../options.ts";

export default function define(command: Command): void {
  withJson(withData(command)).action(async ({ data, json }: CommonOptions) => {
    const status = await openControl(data).get<StatusView>("/api/status");
    if (json === true) return printJson(status);
    const { totals, balance } = status;
    printLines([
      `${status.hostname}, Postern ${status.version}, process ${status.pid}, up ${formatDuration(status.uptimeMs)}, configuration ${status.configGeneration}`,
      `accepted ${totals.accepted} = relayed ${totals.relayed} + failed ${totals.failed} + expired ${totals.expired} + cancelled ${totals.cancelled} + queued ${totals.queued} + leased ${totals.leased} + in doubt ${totals.inDoubt} + held ${totals.held}${balance.ok ? "" : `  (DOES NOT BALANCE: ${balance.accounted})`}`,
      `${totals.messages} ${totals.messages === 1 ? "message waits" : "messages wait"}${status.oldestQueuedMs === null ? "" : `, the oldest for ${formatDuration(status.oldestQueuedMs)}`}; ${formatSize(status.diskFreeBytes)} free on disk${status.accepting ? "" : ": NO NEW MAIL IS ACCEPTED"}`,
      ...status.listeners.map(
        (listener) =>
          `listener ${listener.name} (${listener.kind}) ${listener.address}${listener.port === 0 ? "" : `:${listener.port}`} ${listener.ready ? "up" : "DOWN"}, ${listener.connections} connections`,
      ),
      ...status.routes.map(
        (route) =>
          `route ${route.name} (${route.kind} ${route.target}) ${route.circuit === "closed" ? "working" : route.circuit}, relayed ${route.relayed}${route.gates.map((gate) => `; ${explainGate(gate)}`).join("")}`,
      ),
      ...status.identities.map(describeIdentity),
    ]);
  });
  withExamples(command, [["postern status", "is it well?"]]);
}

function describeIdentity({ name, kind, clientId, worksWith, credentialExpiresAt, lastError, tokens }: IdentityView): string {
  const ends = credentialExpiresAt === undefined ? "" : `, ends ${credentialExpiresAt.slice(0, 10)}`;
  const state = lastError !== undefined ? `FAILS: ${lastError.text}` : tokens.length > 0 ? "has a token" : "not asked yet";
  return `identity ${name} (${kind}${clientId === null ? "" : ` ${clientId}`}${worksWith === undefined ? "" : `, by ${worksWith}`}${ends}) ${state}`;
}
