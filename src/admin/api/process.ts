import { Type } from "typebox";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { backupBody, backupView, deviceView, readinessView, reloadView, statusView } from "../contract.ts";
import type { Gateway } from "../gateway.ts";
import { listenerOf, statusOf } from "../views.ts";
import { answer } from "./answers.ts";

/** The process itself: state, readiness, devices, reload. */
export function processEndpoints(gateway: Gateway): readonly ApiRoute[] {
  return [
    defineRoute({
      method: "GET",
      path: "/api/status",
      summary: "Counters, listeners, routes",
      answers: answer(statusView),
      handle: () => statusOf(gateway.status()),
    }),
    defineRoute({
      method: "GET",
      path: "/api/ready",
      summary: "Whether every listener is up",
      answers: answer(readinessView),
      handle: () => {
        const { ok, reasons, listeners } = gateway.ready();
        return { ok, reasons, listeners: listeners.map(listenerOf) };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/api/devices",
      summary: "Who was seen sending, with what they speak, most recent first",
      answers: answer(Type.Object({ devices: Type.Array(deviceView) })),
      handle: () => ({ devices: gateway.devices() }),
    }),
    defineRoute({
      method: "POST",
      path: "/api/reload",
      summary: "Read the configuration again",
      answers: answer(reloadView),
      handle: () => gateway.reload(),
    }),
  ];
}

/** Offered through the control socket alone: whoever asks names a directory of this machine. */
export function backupEndpoint(gateway: Gateway): ApiRoute {
  return defineRoute({
    method: "POST",
    path: "/api/backup",
    summary: "Copy the data directory while running; answers with lines of JSON: progress, then a report or an error",
    body: backupBody,
    answers: { 200: { description: "Lines of JSON.", schema: backupView, mediaType: "application/x-ndjson" } },
    handle: async ({ body }, reply) => {
      const abort = new AbortController();
      reply.hijack();
      const { raw } = reply;
      raw.on("close", () => abort.abort());
      raw.writeHead(200, { "content-type": "application/x-ndjson" });
      const line = (value: unknown) => raw.write(`${JSON.stringify(value)}\n`);
      try {
        line({ report: await gateway.backup(body.directory, (progress) => line({ progress }), abort.signal) });
      } catch (error) {
        line({ error: { message: error instanceof Error ? error.message : String(error), code: (error as NodeJS.ErrnoException).code } });
      }
      raw.end();
    },
  });
}
