import { TokenFailed } from "../../identity/tokens/token-source.ts";
import { failure } from "../../mail/failure-codes.ts";
import type { Reply } from "../../mail/reply.ts";
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
  settings: Pick<Settings, "timeouts" | "replies">,
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
  const secret = await readSecret(auth, signal);
  const reply = await attempt(handshake, begin(mechanism, auth.user, secret), settings.timeouts.greetingMs, mechanism === "xoauth2");
  if (reply.code === 235) return;
  if (auth.onRefused !== undefined && reply.code >= 500) {
    auth.onRefused(secret);
    const other = await readSecret(auth, signal);
    // A token may have been revoked before its end, a secret renewed: one more try, with another one only.
    if (other !== secret) {
      const second = await secondAttempt(handshake, begin(mechanism, auth.user, other), settings, mechanism === "xoauth2", signal);
      if (second?.code === 235) return;
      if (second !== null) throw refused(second, settings, [secret, other]);
    }
  }
  throw refused(reply, settings, [secret]);
}

/** null: the server has closed. Its first refusal then says more than the loss of the connection. */
async function secondAttempt(
  handshake: Handshake,
  exchange: ClientExchange,
  { timeouts }: Pick<Settings, "timeouts">,
  whatever: boolean,
  signal: AbortSignal,
): Promise<Reply | null> {
  try {
    return await attempt(handshake, exchange, timeouts.greetingMs, whatever);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof OpenFailed) return null;
    throw error;
  }
}

function refused(given: Reply, { replies }: Pick<Settings, "replies">, secrets: readonly string[]): OpenFailed {
  const reply = withoutSecrets(given, secrets);
  if (reply.code < 400) return new OpenFailed("auth", failure("remote.protocol", { reply }));
  return new OpenFailed("auth", classifyReply("auth", reply, replies));
}

/** Some servers quote the command they refuse; what they were told must not get into a failure, and with it into traces and notifications. */
function withoutSecrets({ code, lines }: Reply, secrets: readonly string[]): Reply {
  const told = lines.join("\n");
  const quotes =
    secrets.some((secret) => secret !== "" && told.includes(secret)) || /[A-Za-z0-9+/]{16,}={0,2}/.test(told.replace(urls, ""));
  if (!quotes) return { code, lines };
  const hidden = lines.map((line) =>
    secrets
      .filter((secret) => secret !== "")
      .reduce((text, secret) => text.replaceAll(secret, "***"), line)
      .replace(/https?:\/\/\S+|[A-Za-z0-9+/]{16,}={0,2}/g, (found) => (found.startsWith("http") || isWord(found) ? found : "***")),
  );
  return { code, lines: hidden };
}

const urls = /https?:\/\/\S+/g;

/** A long word of a sentence, such as SmtpClientAuthentication: base64 of credentials has digits or signs among its letters. */
function isWord(text: string): boolean {
  return /^[A-Z]?[a-z]+(?:[A-Z][a-z]+)*$/.test(text);
}

/** One exchange; the server's last word. */
async function attempt(handshake: Handshake, exchange: ClientExchange, timeoutMs: number, whatever: boolean): Promise<Reply> {
  const { initial } = exchange;
  // RFC 4954 §4: an empty initial response is written `=`.
  const encoded = initial === null ? "" : ` ${encode(initial) || "="}`;
  // RFC 4954 §4 with RFC 5321 §4.5.3.1.4: a command line has 512 bytes; a longer first answer waits for the challenge. What is published
  // about XOAUTH2 wants its token in the command whatever the length.
  const inCommand = initial !== null && (encoded.length < longestInCommand || whatever);
  let reply = await handshake.ask(`AUTH ${exchange.mechanism}${inCommand ? encoded : ""}`, timeoutMs);
  let sentInitial = inCommand || initial === null;
  for (let round = 0; reply.code === 334; round++) {
    // It has been told that we give up and asks on: no server, at least none to wait for.
    if (round > maxRounds) return reply;
    const answer = round >= maxRounds ? null : sentInitial ? exchange.respond(decode(reply.lines[0] ?? "")) : initial;
    sentInitial = true;
    reply = await handshake.ask(answer === null ? "*" : encode(answer), timeoutMs);
  }
  return reply;
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
    // What an identity says has nothing secret in it, and tells what to do.
    const text = error instanceof TokenFailed ? `There is no token: ${error.message}` : "The route's secret or token could not be had";
    throw new OpenFailed("auth", failure("route.auth-failed", { text }), error);
  }
}

function encode(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}

function decode(text: string): string {
  return Buffer.from(text, "base64").toString("utf8");
}
