import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Identity } from "../../identity/identity.ts";
import type { Principal } from "../../identity/principal.ts";
import type { Clock } from "../../lib/clock.ts";
import { formatId } from "../../lib/ids.ts";
import { matchesAddress } from "../../mail/address.ts";
import { failure } from "../../mail/failure-codes.ts";
import { refuse, Refusal } from "../../mail/refusal.ts";
import type { SubmitAll } from "../../submission/submission.ts";
import { ApiRefusal } from "../../wire/sendgrid/api-errors.ts";
import { readMailSend, type MailSend } from "../../wire/sendgrid/mail-send.ts";
import { callerOf } from "../http/caller.ts";
import type { HttpDoorLog } from "../http/door-log.ts";
import type { HttpApi } from "../http/http-api.ts";
import type { Memory } from "../http/memory.ts";
import { moreRoom } from "../http/more-room.ts";
import { takeRawBodies } from "../http/raw-body.ts";
import { answerTo, badRequest, plain, tooManyRequests, unauthorized, type ErrorAnswer } from "./answers.ts";
import { makeMessages } from "./make-messages.ts";
import { RepeatedRequests, type FindEarlier, type NamedRequest } from "./repeated-requests.ts";

/** SG: 30 MB for the whole of a request. */
const maxBody = 30 * 1024 * 1024;
/** The user name that a SendGrid key goes with, by SMTP and here. */
const keyUser = "apikey";

export interface SendGridApiDeps {
  readonly submitAll: SubmitAll;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly hostname: string;
  readonly findEarlier: FindEarlier;
  readonly log: HttpDoorLog;
}

/**
 * `POST /v3/mail/send` as SendGrid has it: an application that speaks to SendGrid speaks to us with another base URL and the key that its
 * principal has.
 *
 * 202 is said when every message of the request is durable, in one commit; anything else means that none was taken. What SendGrid does and we
 * do not is refused when people would miss it, else named in `X-Postern-Not-Done` (docs/guides/sendgrid-api.md).
 */
export class SendGridApi implements HttpApi {
  readonly name = "sendgrid";
  readonly #deps: SendGridApiDeps;
  /** Who asks; found out before any of the body is read. */
  readonly #principals = new WeakMap<FastifyRequest, Principal>();

  readonly #repeated: RepeatedRequests;

  constructor(deps: SendGridApiDeps) {
    this.#deps = deps;
    this.#repeated = new RepeatedRequests(deps.findEarlier, deps.hostname);
  }

  register(context: FastifyInstance, listener: string, memory: Memory): void {
    takeRawBodies(context, "application/json");
    context.addHook("onRequest", (request, reply) => this.#authenticate(request, reply, listener));
    context.setErrorHandler<FastifyError>((error, request, reply) => this.#failed(error, request, reply, listener));
    context.post("/v3/mail/send", { bodyLimit: maxBody }, (request, reply) => this.#send(request, reply, listener, memory));
  }

  /** The reply once it has answered: only then does the request go no further. */
  async #authenticate(request: FastifyRequest, reply: FastifyReply, listener: string): Promise<FastifyReply | undefined> {
    const { identity, log } = this.#deps;
    const caller = callerOf(request, listener);
    const key = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(request.headers.authorization ?? "")?.[1];
    if (key === undefined) return send(reply, unauthorized);
    const result = await identity.logIn(keyUser, key, caller.address);
    if (result.ok) {
      this.#principals.set(request, result.principal);
      log.loggedIn({ ...caller, principalName: result.principal.name }, "Bearer");
      return undefined;
    }
    log.logInFailed(caller, "Bearer", keyUser, result.code);
    if (result.delayMs > 0) await untilClosed(request, result.delayMs);
    return send(reply, answerTo(failure(result.code)));
  }

  async #send(request: FastifyRequest, reply: FastifyReply, listener: string, memory: Memory): Promise<FastifyReply> {
    const principal = this.#principals.get(request);
    if (principal === undefined) return send(reply, unauthorized);
    // SG takes gzip from some accounts; nobody has asked it of us.
    if (request.headers["content-encoding"] !== undefined)
      return send(reply, { status: 415, errors: [plain("Content-Encoding is not taken here.")] });
    const now = this.#deps.clock.now();
    const mail = readMailSend(parsed(request.body), now);
    checkFence(mail, principal);
    if (mail.notDone.length > 0) reply.header("x-postern-not-done", mail.notDone.join(", "));
    if (mail.sandbox) return reply.code(200).send();
    const accept = (named: NamedRequest | null) => this.#accept(mail, { request, reply, listener, memory, principal, named });
    const named = this.#named(request, principal, mail);
    if (named === null) return accept(null);
    return this.#repeated.alone(named, async () => {
      const earlier = await this.#repeated.earlier(named, principal.name, now);
      if (earlier === "other")
        return send(reply, { status: 422, errors: [plain("The Idempotency-Key came with another request before.")] });
      return earlier === null ? accept(named) : accepted(reply, earlier);
    });
  }

  /** null: the client does not name its request. @throws ApiRefusal */
  #named({ headers, body }: FastifyRequest, principal: Principal, mail: MailSend): NamedRequest | null {
    const key = headers["idempotency-key"];
    if (key === undefined) return null;
    if (typeof key !== "string" || !/^[\x21-\x7e]{1,255}$/.test(key))
      throw new ApiRefusal([plain("The Idempotency-Key must have 1 to 255 printable ASCII characters.")]);
    if ([mail, ...mail.personalizations].some((one) => [...one.headers.keys()].some((name) => name.toLowerCase() === "message-id")))
      throw new ApiRefusal([plain("With an Idempotency-Key the Message-ID is made of it: leave one of them out.")]);
    return this.#repeated.name(key, principal.name, body as Buffer);
  }

  async #accept(mail: MailSend, { request, reply, listener, memory, principal, named }: Accepting): Promise<FastifyReply> {
    const { clock, identity, submitAll, hostname, log } = this.#deps;
    const count = mail.personalizations.length;
    const atOnce = principal.rate?.messages ?? Number.POSITIVE_INFINITY;
    if (count > atOnce)
      throw refuse("submission.too-many-recipients", {
        permanent: true,
        text: `The request makes ${count} messages; the rate of this sender allows ${atOnce} at once`,
      });
    const wait = identity.admit(principal, count);
    if (wait > 0) {
      log.refused(callerOf(request, listener, principal.name), "submission.rate-exceeded", failure("submission.rate-exceeded").text);
      return send(reply, tooManyRequests(wait));
    }
    const caller = callerOf(request, listener, principal.name);
    try {
      const messages = makeMessages(mail, {
        principal,
        origin: {
          door: this.name,
          clientAddress: caller.address,
          auth: "Bearer",
          ...(caller.tls === "" ? {} : { tls: caller.tls }),
          ...(named === null ? {} : { request: named.body }),
        },
        protocol: caller.tls === "" ? "HTTP" : "HTTPS",
        now: clock.now(),
        boundary: randomUUID,
        messageId: named?.messageId ?? (() => `<${randomUUID()}@${hostname}>`),
      });
      const receipts = await submitAll(messages, moreRoom(memory, reply));
      for (const { id } of receipts) log.accepted(caller, id, (request.body as Buffer).length);
      return accepted(reply, receipts[0]?.id ?? 0);
    } catch (error) {
      // As by SMTP: one try counts, however it ends.
      identity.giveBack(principal, count - 1);
      throw error;
    }
  }

  #failed(error: Error & { readonly statusCode?: number }, request: FastifyRequest, reply: FastifyReply, listener: string): FastifyReply {
    const { log } = this.#deps;
    const caller = callerOf(request, listener, this.#principals.get(request)?.name);
    if (error instanceof ApiRefusal) {
      const [first] = error.errors;
      log.refused(caller, "submission.request-syntax", `${first?.field ?? ""} ${first?.message ?? ""}`.trim());
      return send(reply, { status: 400, errors: error.errors });
    }
    if (error instanceof Refusal) {
      log.refused(caller, error.failure.code, error.failure.text);
      if (error.cause !== undefined) log.fault(caller, error);
      return send(reply, answerTo(error.failure));
    }
    if (error.statusCode === 413) return send(reply, { status: 413, errors: [plain("The request is larger than 30 MB.")] });
    if (error.statusCode === 415) return send(reply, { status: 415, errors: [plain("The Content-Type must be application/json.")] });
    if (error.statusCode !== undefined && error.statusCode < 500) return send(reply, badRequest);
    log.fault(caller, error);
    return send(reply, answerTo(failure("system.fault")));
  }
}

/** Of one request. */
interface Accepting {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly listener: string;
  readonly memory: Memory;
  readonly principal: Principal;
  readonly named: NamedRequest | null;
}

function accepted(reply: FastifyReply, id: number): FastifyReply {
  return reply.code(202).header("x-message-id", formatId(id)).send();
}

function send(reply: FastifyReply, { status, errors, retryAfter }: ErrorAnswer): FastifyReply {
  if (retryAfter !== undefined) reply.header("retry-after", retryAfter);
  return reply.code(status).send({ errors });
}

/** @throws ApiRefusal */
function parsed(body: unknown): unknown {
  try {
    return JSON.parse(utf8.decode(body as Buffer));
  } catch {
    throw new ApiRefusal(badRequest.errors);
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Who may send as whom, and to whom, is the same by every door. @throws Refusal */
function checkFence({ from, personalizations }: MailSend, principal: Principal): void {
  const { reversePaths, recipients, maxRecipients } = principal;
  let count = 0;
  for (const { from: own, to, cc, bcc } of personalizations) {
    const { email } = own ?? from;
    if (!reversePaths.some((pattern) => matchesAddress(pattern, email))) throw refuse("submission.reverse-path-not-allowed");
    count += to.length + cc.length + bcc.length;
    if (recipients === undefined) continue;
    for (const list of [to, cc, bcc])
      for (const { email: address } of list)
        if (!recipients.some((pattern) => matchesAddress(pattern, address)))
          throw refuse("submission.recipient-not-allowed", { text: `The recipient ${address} is not allowed from here` });
  }
  if (maxRecipients !== undefined && count > maxRecipients) throw refuse("submission.too-many-recipients", { permanent: true });
}

/** Waits, but not for a client that has gone. */
async function untilClosed(request: FastifyRequest, ms: number): Promise<void> {
  const gone = new AbortController();
  const end = (): void => gone.abort();
  request.raw.socket.once("close", end);
  await sleep(ms, undefined, { signal: gone.signal }).catch(() => undefined);
  request.raw.socket.off("close", end);
}
