import { Type } from "typebox";
import { TokenFailed } from "../../identity/tokens/token-source.ts";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { rotationView, signInView, type RotationView, type SignInLine } from "../setup-contract.ts";
import type { Gateway } from "../gateway.ts";
import { SetupRefused } from "../setup/setup.ts";
import { answer, badRequest } from "./answers.ts";

const body = Type.Object({ route: Type.String({ minLength: 1, maxLength: 200 }) });

/** How a route's secret or certificate is renewed. */
export function rotationEndpoint(gateway: Gateway): ApiRoute {
  return defineRoute({
    method: "POST",
    path: "/api/setup/rotate",
    summary: "How the credentials of a route's identity are renewed, step by step; nothing is done",
    body,
    answers: answer(rotationView),
    handle: ({ body: { route } }): RotationView => {
      try {
        const { identity, kind, steps } = gateway.setup.rotation(route);
        return { identity, kind, steps: steps.map((step) => ({ ...step, commands: [...step.commands] })) };
      } catch (error) {
        throw error instanceof SetupRefused ? badRequest(error.message) : error;
      }
    },
  });
}

/** Longer than a device code lives. */
const signInMs = 20 * 60_000;
/** The other side gives up on silence. */
const pulseMs = 30_000;

/** Offered through the control socket alone: whoever signs in decides as whom this gateway sends. */
export function signInEndpoint(gateway: Gateway): ApiRoute {
  return defineRoute({
    method: "POST",
    path: "/api/setup/login",
    summary: "A user signs in for a route's identity; answers with lines of JSON: what they must do, then done or an error",
    body,
    answers: { 200: { description: "Lines of JSON.", schema: signInView, mediaType: "application/x-ndjson" } },
    handle: async ({ body: { route } }, reply) => {
      const gone = new AbortController();
      reply.hijack();
      const { raw } = reply;
      raw.on("close", () => gone.abort());
      raw.writeHead(200, { "content-type": "application/x-ndjson" });
      const line = (value: SignInLine) => raw.write(`${JSON.stringify(value)}\n`);
      const pulse = setInterval(() => line({}), pulseMs);
      try {
        await gateway.setup.signIn(route, (tell) => line({ tell }), AbortSignal.any([gone.signal, AbortSignal.timeout(signInMs)]));
        line({ done: true });
      } catch (error) {
        const known = error instanceof SetupRefused || error instanceof TokenFailed;
        line({ error: known ? error.message : gone.signal.aborted ? "given up" : `not signed in (${(error as Error).name})` });
      } finally {
        clearInterval(pulse);
      }
      raw.end();
    },
  });
}
