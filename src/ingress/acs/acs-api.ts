import { randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Identity } from "../../identity/identity.ts";
import { Refusal } from "../../mail/refusal.ts";
import type { MoreRoom, Submit } from "../../submission/submission.ts";
import { AcsError, acsErrorBody } from "../../wire/acs/acs-error.ts";
import { parseApiVersion, type AcsApiVersion } from "../../wire/acs/api-version.ts";
import { parseEmailMessage } from "../../wire/acs/email-message.ts";
import { invalid } from "../../wire/acs/read.ts";
import type { SendResult } from "../../wire/acs/send-result.ts";
import { contentHashOf } from "../../wire/acs/signature.ts";
import { callerOf } from "../http/caller.ts";
import type { HttpDoorLog } from "../http/door-log.ts";
import type { HttpApi } from "../http/http-api.ts";
import type { Memory } from "../http/memory.ts";
import { moreRoom } from "../http/more-room.ts";
import { takeRawBodies } from "../http/raw-body.ts";
import { authenticate, unauthorized, type Caller } from "./authenticate.ts";
import { operationIdOf, parseOperationId } from "./operation-id.ts";
import type { OperationRecords } from "./operation-record.ts";
import { Operations, remembersMs } from "./operations.ts";
import { errorOfRefusal } from "./refusal-answer.ts";
import { isTerminal, retryAfterS, sendResultOf } from "./send-result-of.ts";
import { submitMessage, type Sending } from "./submit-message.ts";

/** MS azure-docs "Service limits" (read 2026-11-21): 10 MB a request, attachments as base64 included. */
const maxRequestBytes = 10 * 1024 ** 2;
/** Longest wait for the keys of a token's authority. */
const tokenTimeoutMs = 10_000;

/**
 * The ACS Email API: `POST /emails:send` and `GET /emails/operations/{id}`, so that an application written for Azure Communication Services needs
 * another endpoint and nothing else.
 *
 * A principal is who signs with its key or whose token it is; the fences are those of the SMTP door. 202 means durable. An operation is a
 * message, and its status is what the queue and its history say: nothing is remembered here that a restart would forget.
 */
export class AcsApi implements HttpApi {
  readonly name = "acs";
  readonly #hostname: string;
  readonly #deps: AcsApiDeps;
  readonly #operations: Operations;
  readonly #callers = new WeakMap<FastifyRequest, Caller>();

  constructor(hostname: string, deps: AcsApiDeps) {
    this.#deps = deps;
    this.#operations = new Operations(deps.records, hostname);
    this.#hostname = hostname;
  }

  register(context: FastifyInstance, listener: string, memory: Memory): void {
    takeRawBodies(context, "application/json");
    context.setErrorHandler((error, request, reply) => this.#refuse(error, request, reply, listener));
    context.addHook("onRequest", async (request, reply) => {
      reply.header("x-ms-request-id", randomUUID());
      const client = request.headers["x-ms-client-request-id"];
      if (typeof client === "string" && parseOperationId(client) !== null) reply.header("x-ms-client-request-id", client);
      const caller = await authenticate(request, this.#deps.identity, Date.now(), AbortSignal.timeout(tokenTimeoutMs));
      this.#callers.set(request, caller);
      this.#deps.log.loggedIn(callerOf(request, listener, caller.principal.name), caller.mechanism);
    });
    // `::` is a colon and no parameter.
    context.post("/emails::send", { bodyLimit: maxRequestBytes }, (request, reply) =>
      this.#send(request, reply, listener, moreRoom(memory, reply)),
    );
    context.get("/emails/operations/:operationId", (request, reply) => this.#status(request, reply));
  }

  async #send(request: FastifyRequest, reply: FastifyReply, listener: string, more: MoreRoom): Promise<FastifyReply> {
    const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
    const { caller, contentHash, version } = this.#check(request, body);
    const given = request.headers["operation-id"];
    const operationId = given === undefined ? null : parseOperationId(String(given));
    if (given !== undefined && operationId === null) throw invalid("Operation-Id", "is not a UUID");
    const message = parseEmailMessage(parseJson(body), version);
    const sending: Sending = {
      message,
      principal: caller.principal,
      mechanism: caller.mechanism,
      contentHash,
      client: callerOf(request, listener, caller.principal.name),
      more,
    };
    if (operationId === null) {
      const { id } = await submitMessage(sending, null, this.#deps);
      return this.#accepted(request, reply, version, { id: operationIdOf(id, caller.principal.name), status: "Running" }, 0);
    }
    if (message.messageId !== undefined)
      throw invalid("headers.Message-ID", "may not be set beside Operation-Id, which it is made of here");
    const { result, ageMs } = await this.#operations.alone(operationId, caller.principal.name, () => this.#sendOnce(operationId, sending));
    return this.#accepted(request, reply, version, result, ageMs);
  }

  /** The same id again is the same message, and its status now. */
  async #sendOnce(operationId: string, sending: Sending): Promise<{ readonly result: SendResult; readonly ageMs: number }> {
    const { name } = sending.principal;
    const now = this.#deps.now();
    const record = await this.#operations.find(operationId, name, now - remembersMs);
    if (record !== null) {
      // UNVERIFIED for ACS. Silence would lose the second message of an application that repeats an id by mistake.
      if (record.request !== sending.contentHash)
        throw new AcsError(409, "Conflict", "Another message was sent with this Operation-Id.", "Operation-Id");
      return { result: sendResultOf(operationId, record), ageMs: now - record.receivedAt };
    }
    const { id } = await submitMessage(sending, { operationId, hostname: this.#hostname }, this.#deps);
    this.#operations.remember(operationId, name, id);
    return { result: { id: operationId, status: "Running" }, ageMs: 0 };
  }

  #accepted(request: FastifyRequest, reply: FastifyReply, version: AcsApiVersion, result: SendResult, ageMs: number): FastifyReply {
    reply.header("Operation-Location", `${request.protocol}://${hostOf(request)}/emails/operations/${result.id}?api-version=${version}`);
    if (!isTerminal(result)) reply.header("retry-after", String(retryAfterS(ageMs)));
    return reply.code(202).send(result);
  }

  async #status(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { caller } = this.#check(request, Buffer.alloc(0));
    const operationId = parseOperationId((request.params as { readonly operationId: string }).operationId);
    const record = operationId === null ? null : await this.#operations.find(operationId, caller.principal.name);
    if (operationId === null || record === null) throw new AcsError(404, "NotFound", "There is no such operation.", "operationId");
    const result = sendResultOf(operationId, record);
    if (!isTerminal(result)) reply.header("retry-after", String(retryAfterS(this.#deps.now() - record.receivedAt)));
    return reply.send(result);
  }

  /** What every request must be like, now that its body is here. */
  #check(
    request: FastifyRequest,
    body: Buffer,
  ): { readonly caller: Caller; readonly contentHash: string; readonly version: AcsApiVersion } {
    const caller = this.#callers.get(request);
    if (caller === undefined) throw unauthorized("The request has no Authorization header.");
    const contentHash = contentHashOf(body);
    if (caller.contentHash !== undefined && caller.contentHash !== contentHash)
      throw unauthorized("x-ms-content-sha256 is not that of the body.");
    const { url = "" } = request.raw;
    const query = url.indexOf("?");
    return { caller, contentHash, version: parseApiVersion(query < 0 ? "" : url.slice(query + 1)) };
  }

  #refuse(error: unknown, request: FastifyRequest, reply: FastifyReply, listener: string): FastifyReply {
    const client = callerOf(request, listener, this.#callers.get(request)?.principal.name ?? "");
    const told = this.#errorOf(error, client);
    if (told.status === 401) {
      this.#deps.log.logInFailed(client, "HTTP", "", "submission.bad-credentials");
      // RFC 9110 §15.5.2: a 401 says which ways there are.
      reply.header("WWW-Authenticate", "HMAC-SHA256, Bearer");
    } else if (told.status < 500 && !(error instanceof Refusal)) this.#deps.log.refused(client, told.code, told.message);
    if (told.retryAfterS !== undefined) reply.header("retry-after", String(told.retryAfterS));
    return reply.code(told.status).header("x-ms-error-code", told.code).send(acsErrorBody(told));
  }

  #errorOf(error: unknown, client: ReturnType<typeof callerOf>): AcsError {
    if (error instanceof AcsError) return error;
    if (error instanceof Refusal) {
      this.#deps.log.refused(client, error.failure.code, error.failure.text);
      if (error.cause !== undefined) this.#deps.log.fault(client, error);
      return errorOfRefusal(error);
    }
    // The framework's own: too large, no JSON, a length that is none.
    const { statusCode } = error as { readonly statusCode?: number };
    if (statusCode === 413) return new AcsError(413, "RequestEntityTooLarge", "The request is larger than 10 MB.");
    if (statusCode === 415) return new AcsError(415, "UnsupportedMediaType", "The request's Content-Type must be application/json.");
    if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
      return new AcsError(400, "BadRequest", "The request is not valid.");
    this.#deps.log.fault(client, error);
    return new AcsError(500, "InternalServerError", "Something went wrong here.");
  }
}

export interface AcsApiDeps {
  readonly submit: Submit;
  readonly identity: Identity;
  readonly records: OperationRecords;
  readonly log: HttpDoorLog;
  /** Policy-clock ms. */
  readonly now: () => number;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function parseJson(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(utf8.decode(body));
  } catch {
    throw new AcsError(400, "BadRequest", "The request's body is not JSON in UTF-8.");
  }
}

/** As the client wrote it: it stands in what we give it to ask again. */
function hostOf({ headers }: FastifyRequest): string {
  const host = headers.host ?? "";
  if (!/^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/.test(host)) throw invalid("Host", "is not a host");
  return host;
}
