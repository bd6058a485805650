import { failure } from "../../mail/failure-codes.ts";
import type { ClientExchange } from "../../wire/sasl/client-exchange.ts";
import { loginExchange } from "../../wire/sasl/client-login.ts";
import { plainExchange } from "../../wire/sasl/client-plain.ts";
import { xoauth2Exchange } from "../../wire/sasl/client-xoauth2.ts";
import { classifyReply } from "./classify.ts";
import { type Handshake, OpenFailed } from "./handshake.ts";
import type { Settings } from "./settings.ts";

type Auth = NonNullable<Settings["auth"]>;

/** Logs in (RFC 4954 §4). `offered` in upper case. */
export async function authenticate(
  handshake: Handshake,
  auth: Auth,
  offered: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const mechanism = choose(auth.mechanism ?? "auto", offered);
  if (mechanism === null)
    throw new OpenFailed(
      "auth",
      failure("route.auth-unavailable", {
        text: `The next hop offers ${offered.length === 0 ? "no way to log in" : `only ${offered.join(", ")} to log in`}`,
      }),
    );
  const exchange = begin(mechanism, auth.user, await readSecret(auth, signal));
  const { initial } = exchange;
  // RFC 4954 §4: an empty initial response is written `=`.
  const encoded = initial === null ? "" : ` ${encode(initial) || "="}`;
  // RFC 4954 §4 with RFC 5321 §4.5.3.1.4: a command line has 512 bytes; a longer first answer (a token) waits for the challenge. What is
  // published about XOAUTH2 wants it in the command whatever its length.
  const inCommand = initial !== null && (encoded.length < longestInCommand || mechanism === "xoauth2");
  let reply = await handshake.ask(`AUTH ${exchange.mechanism}${inCommand ? encoded : ""}`, timeoutMs);
  let sentInitial = inCommand || initial === null;
  for (let round = 0; reply.code === 334; round++) {
    const answer = round >= maxRounds ? null : sentInitial ? exchange.respond(decode(reply.lines[0] ?? "")) : initial;
    sentInitial = true;
    reply = await handshake.ask(answer === null ? "*" : encode(answer), timeoutMs);
  }
  if (reply.code === 235) return;
  if (reply.code < 400) throw new OpenFailed("auth", failure("remote.protocol", { reply }));
  throw new OpenFailed("auth", classifyReply("auth", reply));
}

const longestInCommand = 480;
const maxRounds = 4;

function choose(wanted: NonNullable<Auth["mechanism"]>, offered: readonly string[]): "plain" | "login" | "xoauth2" | null {
  if (wanted !== "auto") return offered.includes(wanted.toUpperCase()) ? wanted : null;
  if (offered.includes("PLAIN")) return "plain";
  return offered.includes("LOGIN") ? "login" : null;
}

function begin(mechanism: "plain" | "login" | "xoauth2", user: string, secret: string): ClientExchange {
  switch (mechanism) {
    case "plain":
      return plainExchange(user, secret);
    case "login":
      return loginExchange(user, secret);
    case "xoauth2":
      return xoauth2Exchange(user, secret);
  }
}

/** The secret must not get into a failure: what its provider throws is only its cause. */
async function readSecret(auth: Auth, signal: AbortSignal): Promise<string> {
  if (typeof auth.secret === "string") return auth.secret;
  try {
    return await auth.secret(signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new OpenFailed("auth", failure("route.auth-failed", { text: "The route's secret or token could not be had" }), error);
  }
}

function encode(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}

function decode(text: string): string {
  return Buffer.from(text, "base64").toString("utf8");
}
