import { readFileSync } from "node:fs";
import type { FastifyInstance, FastifyReply } from "fastify";
import { parseId } from "../lib/ids.ts";
import { errorBody, HttpFailure } from "../lib/http/http-failure.ts";
import type { Access } from "./access.ts";
import { quotaOf } from "./quota-views.ts";
import { listQueue } from "./api/queue.ts";
import { idOf, traceMessage } from "./api/messages.ts";
import type { Gateway } from "./gateway.ts";
import type { Html } from "../lib/http/html.ts";
import type { Metrics } from "./metrics.ts";
import { loginPage, messagePage, problemPage, searchPage, statusPage } from "./pages.ts";
import type { StoryTeller } from "../reports/story.ts";
import { statusOf, summaryOf } from "./views.ts";

export interface ConsoleParts {
  readonly gateway: Gateway;
  readonly access: Access;
  readonly teller: StoryTeller;
}

/** Open to everybody who reaches the port. */
const openPaths: ReadonlySet<string> = new Set(["/livez", "/readyz", "/metrics", "/login", "/console.css", "/console.js"]);
// Nothing from elsewhere, nothing inline, no frames: a hostile subject line cannot become more than text.
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const shownInQueue = 50;
const shownRecent = 20;
const shownLimits = 8;

/** The pages, log-in, health and metrics, and the guard in front of everything else. Add it before the server listens. */
export function addConsole(app: FastifyInstance, { gateway, access, teller }: ConsoleParts): void {
  app.addHook("onRequest", async (request, reply) => {
    const path = request.url.split("?", 1)[0] ?? "";
    if (openPaths.has(path) || access.identify(request.raw) !== null) return undefined;
    reply.code(401).header("www-authenticate", 'Bearer realm="postern"');
    if (path === "/" || path.startsWith("/messages")) return await sendPage(reply, loginPage(null));
    return await reply.send(
      errorBody(
        "request.unauthenticated",
        "Send Authorization: Bearer TOKEN; the token is in DIR/admin-token, and `postern env` prints it.",
      ),
    );
  });
  app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string", bodyLimit: 4096 }, (_request, body, done) =>
    done(null, new URLSearchParams(String(body))),
  );

  app.get("/livez", (_request, reply) => reply.type("text/plain").send("ok\n"));
  app.get("/readyz", (_request, reply) => {
    const { ok, reasons } = gateway.ready();
    return reply
      .code(ok ? 200 : 503)
      .type("text/plain")
      .send(ok ? "ok\n" : `${reasons.join("\n")}\n`);
  });
  // Loaded when first asked for: a twentieth of a second of every start otherwise.
  let metrics: Promise<Metrics> | undefined;
  app.get("/metrics", async (_request, reply) => {
    const loaded = await (metrics ??= import("./metrics.ts").then(({ createMetrics }) => createMetrics(gateway)));
    return await reply.type(loaded.contentType).send(await loaded.text());
  });

  app.get<{ Querystring: { token?: unknown } }>("/login", (request, reply) => logIn(request.query.token, reply));
  app.post("/login", (request, reply) => logIn(request.body instanceof URLSearchParams ? request.body.get("token") : undefined, reply));
  const logIn = (token: unknown, reply: FastifyReply): FastifyReply => {
    if (typeof token !== "string" || token === "") return sendPage(reply, loginPage(null));
    if (!access.checkToken(token.trim())) return sendPage(reply.code(401), loginPage("That is not the token of this gateway."));
    // The token must not stay in the address bar, nor leave with a Referer.
    return reply.header("set-cookie", access.sessionCookie).header("referrer-policy", "no-referrer").redirect("/", 303);
  };

  const { css, script } = readAssets();
  app.get("/console.css", (_request, reply) => reply.type("text/css; charset=utf-8").send(css));
  app.get("/console.js", (_request, reply) => reply.type("text/javascript; charset=utf-8").send(script));

  app.get("/", async (_request, reply) => {
    const [queue, recent] = await Promise.all([listQueue(gateway, { limit: shownInQueue }), gateway.find({ limit: shownRecent })]);
    const quota = quotaOf(gateway.quota, { most: shownLimits }, () => gateway.status().now);
    return sendPage(reply, statusPage(statusOf(gateway.status()), quota, queue, recent.map(summaryOf)));
  });
  app.get<{ Querystring: { q?: unknown } }>("/messages", async (request, reply) => {
    const asked = typeof request.query.q === "string" ? request.query.q.trim().slice(0, 1000) : "";
    if (parseId(asked) !== null && (await idOf(gateway, asked)) !== null)
      return reply.redirect(`/messages/${encodeURIComponent(asked)}`, 303);
    const found = asked === "" ? [] : await search(gateway, asked);
    return sendPage(reply, searchPage(asked, found.map(summaryOf)));
  });
  app.get<{ Params: { id: string } }>("/messages/:id", async (request, reply) => {
    try {
      return sendPage(reply, messagePage(await traceMessage(gateway, teller, request.params.id)));
    } catch (error) {
      if (error instanceof HttpFailure) return sendPage(reply.code(error.status), problemPage(error.message));
      throw error;
    }
  });
}

/** By recipient, then by sender, then by Message-ID: whichever fits first. */
async function search(gateway: Gateway, asked: string) {
  const limit = 100;
  const byRecipient = await gateway.find({ recipient: asked, limit });
  if (byRecipient.length > 0) return byRecipient;
  const bySender = await gateway.find({ sender: asked, limit });
  return bySender.length > 0 ? bySender : await gateway.find({ messageIdField: asked.startsWith("<") ? asked : `<${asked}>`, limit });
}

function sendPage(reply: FastifyReply, page: Html): FastifyReply {
  return reply
    .type("text/html; charset=utf-8")
    .header("content-security-policy", policy)
    .header("referrer-policy", "no-referrer")
    .send(`<!doctype html>${page.markup}`);
}

function readAssets(): { css: Buffer; script: Buffer } {
  const folder = new URL("../../console/", import.meta.url);
  return { css: readFileSync(new URL("console.css", folder)), script: readFileSync(new URL("console.js", folder)) };
}
