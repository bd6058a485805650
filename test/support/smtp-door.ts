import { Identity, type IdentityDeps } from "../../src/identity/identity.ts";
import type { IdentityOptions } from "../../src/identity/options.ts";
import { DeviceRegistry } from "../../src/ingress/devices.ts";
import type { BounceDesk } from "../../src/ingress/smtp/bounce-desk.ts";
import type { SmtpDoorLog } from "../../src/ingress/smtp/door-log.ts";
import type { SmtpDoorOptions, SmtpListenerOptions } from "../../src/ingress/smtp/options.ts";
import { SmtpDoor } from "../../src/ingress/smtp/smtp-door.ts";
import { createAuthority, createServerCertificate, type Certificate } from "../../src/lib/certificates.ts";
import { PolicyClock } from "../../src/lib/clock.ts";
import type { Submit } from "../../src/submission/submission.ts";
import { RecordingSubmit } from "./recording-submit.ts";

/** A door on real sockets with everything real behind it but submission. */
export class DoorUnderTest implements AsyncDisposable {
  readonly door: SmtpDoor;
  readonly identity: Identity;
  readonly clock = new PolicyClock();
  readonly submit = new RecordingSubmit();
  readonly devices = new DeviceRegistry();
  /** Facts as `name detail`, in order. */
  readonly facts: string[] = [];

  constructor(options: DoorTestOptions) {
    const { networks = [loopback], principals = [] } = options;
    this.identity = new Identity({ networks, principals }, { clock: this.clock, ...options.identityDeps });
    const listeners = options.listeners.map((listener) => ({ address: "127.0.0.1", port: 0, ...listener }));
    const doorOptions: SmtpDoorOptions = { hostname: "gateway.contoso.example", ...options.door, listeners };
    const { submit, identity, devices } = this;
    const bounces = options.bounces === undefined ? {} : { bounces: options.bounces };
    const way = options.submit?.(identity) ?? submit.submit;
    this.door = new SmtpDoor(doorOptions, { submit: way, identity, devices, log: this.#log(), ...bounces });
  }

  static async open(options: DoorTestOptions): Promise<DoorUnderTest> {
    const one = new DoorUnderTest(options);
    await one.door.listen();
    return one;
  }

  port(listener: string): number {
    const found = this.door.addresses().find((address) => address.listener === listener);
    if (found === undefined) throw new Error(`no listener ${listener}`);
    return found.port;
  }

  /** Waits for a fact that begins so. */
  async fact(start: string): Promise<string> {
    const find = (): string | undefined => this.facts.find((fact) => fact.startsWith(start));
    await until(
      () => find() !== undefined,
      () => `no fact ${start} among ${JSON.stringify(this.facts)}`,
    );
    return find() ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.door.close(0);
    await this.identity[Symbol.asyncDispose]();
    this.clock[Symbol.dispose]();
  }

  #log(): SmtpDoorLog {
    const { facts } = this;
    return {
      listening: (listener) => void facts.push(`listening ${listener}`),
      connected: (client) => void facts.push(`connected ${client.listenerName}`),
      disconnected: (_client, reason) => void facts.push(`disconnected ${reason}`),
      accepted: (client, id, size) => void facts.push(`accepted ${client.principalName} ${id} ${size}`),
      refused: (_client, code) => void facts.push(`refused ${code}`),
      loggedIn: (client, mechanism) => void facts.push(`loggedIn ${client.principalName} ${mechanism}`),
      logInFailed: (_client, mechanism, user, code) => void facts.push(`logInFailed ${user} ${mechanism} ${code}`),
      tlsOnPlainPort: (_client, crossed) => void facts.push(`tlsOnPlainPort ${crossed ? "crossed" : "expected"}`),
      tlsFailed: (_client, reason) => void facts.push(`tlsFailed ${reason}`),
      cut: (_client, reason) => void facts.push(`cut ${reason}`),
      turnedAway: (_listener, _address, code) => void facts.push(`turnedAway ${code}`),
      fault: (_client, error) => void facts.push(`fault ${error instanceof Error ? error.stack : String(error)}`),
    };
  }
}

/** Looks in every turn of the event loop whether something has come true, for ten seconds at most. */
export async function until(isTrue: () => boolean, complaint: () => string = () => "it never came true"): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(complaint());
    await new Promise(setImmediate);
  }
}

export interface DoorTestOptions {
  readonly listeners: readonly (Partial<SmtpListenerOptions> & Pick<SmtpListenerOptions, "name" | "kind">)[];
  readonly networks?: IdentityOptions["networks"];
  readonly principals?: IdentityOptions["principals"];
  readonly identityDeps?: Partial<IdentityDeps>;
  readonly door?: Partial<SmtpDoorOptions>;
  /** The real way in, instead of one that records. */
  readonly submit?: (identity: Identity) => Submit;
  readonly bounces?: BounceDesk;
}

export const loopback: IdentityOptions["networks"][number] = {
  name: "loopback",
  addresses: ["127.0.0.0/8", "::1"],
  reversePaths: ["@contoso.example"],
};

export const app: IdentityOptions["principals"][number] = { name: "app", password: "app-secret", reversePaths: ["@contoso.example"] };

/** An authority and a certificate for loopback, made once for a test file. */
export async function testCertificates(): Promise<{ readonly authority: Certificate; readonly server: Certificate }> {
  const authority = await createAuthority("Postern test CA");
  return { authority, server: await createServerCertificate(authority, ["localhost", "gateway.contoso.example", "127.0.0.1", "::1"]) };
}

export const message = "From: app@contoso.example\r\nTo: ada@contoso.example\r\nSubject: hello\r\n\r\nHello.\r\n";
