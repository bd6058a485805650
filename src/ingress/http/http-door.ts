import type { Ingress, ListeningAddress } from "../ingress.ts";
import type { HttpDoorLog } from "./door-log.ts";
import type { HttpApi } from "./http-api.ts";
import { HttpListener } from "./http-listener.ts";
import { Memory } from "./memory.ts";
import type { HttpDoorOptions } from "./options.ts";

const maxContentInMemory = 256 * 1024 ** 2;

/** The HTTP door: listeners that all compatible APIs share. What an API is and owes: http-api.ts. */
export class HttpDoor implements Ingress {
  readonly #listeners: readonly HttpListener[];

  constructor(options: HttpDoorOptions, deps: HttpDoorDeps) {
    const memory = new Memory(options.maxContentInMemory ?? maxContentInMemory);
    this.#listeners = options.listeners.map((listener) => new HttpListener(listener, { ...deps, memory }));
  }

  async listen(): Promise<void> {
    const results = await Promise.allSettled(this.#listeners.map((listener) => listener.listen()));
    const failed = results.find((result) => result.status === "rejected");
    if (failed === undefined) return;
    await this.close(0);
    throw failed.reason;
  }

  ready(): boolean {
    return this.#listeners.every((listener) => listener.boundTo !== null);
  }

  addresses(): readonly ListeningAddress[] {
    return this.#listeners.flatMap(({ options, boundTo }) =>
      boundTo === null ? [] : [{ listener: options.name, address: boundTo.address, port: boundTo.port }],
    );
  }

  /** Open connections of one listener. */
  connectionsOf(name: string): number {
    return this.#listeners.find(({ options }) => options.name === name)?.connections ?? 0;
  }

  /** Another certificate for a listener; open connections keep theirs. @throws Error when it is not valid: the old one stays. */
  useCertificate(name: string, certificate: { readonly cert: string; readonly key: string }): void {
    for (const listener of this.#listeners) if (listener.options.name === name) listener.useCertificate(certificate);
  }

  async close(drainMs: number): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close(drainMs)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close(0);
  }
}

export interface HttpDoorDeps {
  readonly apis: readonly HttpApi[];
  readonly log: HttpDoorLog;
}
