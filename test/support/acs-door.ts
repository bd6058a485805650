import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { request, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { Identity, type IdentityDeps } from "../../src/identity/identity.ts";
import type { UserOptions } from "../../src/identity/options.ts";
import { AcsApi } from "../../src/ingress/acs/acs-api.ts";
import type { OperationRecord, OperationRecords } from "../../src/ingress/acs/operation-record.ts";
import type { HttpDoorLog } from "../../src/ingress/http/door-log.ts";
import { HttpDoor } from "../../src/ingress/http/http-door.ts";
import { PolicyClock } from "../../src/lib/clock.ts";
import { RecordingSubmit } from "./recording-submit.ts";

export const acsKey = Buffer.from("an access key of forty octets in base 64").toString("base64");
export const app: UserOptions = { name: "app", acsKeys: [acsKey], reversePaths: ["@contoso.example"] };

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly json: { readonly id?: string; readonly status?: string; readonly error?: { code: string; message: string; target?: string } };
}

/** The ACS door on a real socket with everything real behind it but submission and what becomes of mail. */
export class AcsDoorUnderTest implements AsyncDisposable {
  readonly submit = new RecordingSubmit();
  readonly identity: Identity;
  readonly facts: string[] = [];
  /** What the queue says of every message. */
  readonly states = new Map<number, OperationRecord["recipients"]>();
  readonly #clock = new PolicyClock();
  readonly #door: HttpDoor;

  private constructor(principals: readonly UserOptions[], deps: Partial<IdentityDeps>) {
    this.identity = new Identity({ networks: [], principals }, { clock: this.#clock, ...deps });
    const log = this.#log();
    const { identity } = this;
    const api = new AcsApi("gateway.contoso.example", {
      submit: this.submit.submit,
      identity,
      records: this.#records(),
      log,
      now: () => Date.now(),
    });
    this.#door = new HttpDoor({ listeners: [{ name: "api", address: "127.0.0.1", port: 0 }] }, { apis: [api], log });
  }

  static async open(principals: readonly UserOptions[] = [app], deps: Partial<IdentityDeps> = {}): Promise<AcsDoorUnderTest> {
    const one = new AcsDoorUnderTest(principals, deps);
    await one.#door.listen();
    return one;
  }

  get host(): string {
    return `127.0.0.1:${this.#door.addresses()[0]?.port}`;
  }

  /** Signed as the service's documentation says. */
  send(body: unknown, options: SendOptions = {}): Promise<Answer> {
    return this.ask(
      "POST",
      `/emails:send?api-version=${options.version ?? "2025-09-01"}`,
      typeof body === "string" ? body : JSON.stringify(body),
      options,
    );
  }

  status(id: string, options: SendOptions = {}): Promise<Answer> {
    return this.ask("GET", `/emails/operations/${id}?api-version=2025-09-01`, "", options);
  }

  async ask(
    method: string,
    path: string,
    body: string,
    { key = acsKey, headers = {}, signed = path, date = new Date().toUTCString() }: SendOptions = {},
  ): Promise<Answer> {
    const hash = createHash("sha256").update(body).digest("base64");
    const text = `${method}\n${signed}\n${date};${this.host};${hash}`;
    const signature = createHmac("sha256", Buffer.from(key, "base64")).update(text).digest("base64");
    const outgoing = request(`http://${this.host}${path}`, {
      method,
      agent: false,
      headers: {
        "x-ms-date": date,
        "x-ms-content-sha256": hash,
        authorization: `HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=${signature}`,
        ...(body === "" ? {} : { "content-type": "application/json" }),
        ...headers,
      },
    });
    outgoing.end(body);
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    let answer = "";
    for await (const piece of response.setEncoding("utf8")) answer += String(piece);
    return { status: response.statusCode ?? 0, headers: response.headers, json: JSON.parse(answer) as Answer["json"] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#door.close(0);
    await this.identity[Symbol.asyncDispose]();
    this.#clock[Symbol.dispose]();
  }

  #records(): OperationRecords {
    const { submit, states } = this;
    const all = (): OperationRecord[] =>
      submit.messages.map(({ draft }, index) => ({
        id: index + 1,
        principal: draft.principal.name,
        door: draft.origin.door,
        ...(draft.origin.request === undefined ? {} : { request: draft.origin.request }),
        receivedAt: Date.now(),
        recipients: states.get(index + 1) ?? draft.envelope.recipients.map(({ address }) => ({ address, state: "queued" as const })),
      }));
    return {
      byId: (id) => Promise.resolve(all().find((record) => record.id === id) ?? null),
      byEnding: () => Promise.resolve(new Map()),
      byMessageId: (field) =>
        Promise.resolve(all().filter(({ id }) => submit.messages[id - 1]?.content.includes(`Message-ID: ${field}\r\n`) === true)),
    };
  }

  #log(): HttpDoorLog {
    const { facts } = this;
    return {
      listening: () => undefined,
      accepted: (client, id) => void facts.push(`accepted ${client.principalName} ${id}`),
      refused: (_client, code) => void facts.push(`refused ${code}`),
      loggedIn: () => undefined,
      logInFailed: (_client, _mechanism, _user, code) => void facts.push(`logInFailed ${code}`),
      turnedAway: (_listener, _address, code) => void facts.push(`turnedAway ${code}`),
      fault: (_client, error) => void facts.push(`fault ${error instanceof Error ? error.stack : String(error)}`),
    };
  }
}

export interface SendOptions {
  readonly version?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Path and query that are signed, when that is not what is asked. */
  readonly signed?: string;
  readonly date?: string;
}

export const hello = {
  senderAddress: "app@contoso.example",
  content: { subject: "Hello", plainText: "Hello there" },
  recipients: { to: [{ address: "ann@fabrikam.example" }] },
};
