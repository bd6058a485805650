import { randomBytes, randomInt } from "node:crypto";
import type { Asked } from "./resources.ts";

/** Codes that wait to be redeemed. In memory, in wall time, and bounded: the oldest goes when there are too many. */
export interface AuthorizationCode {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly asked: Asked;
  readonly user: string;
  readonly challenge: { readonly value: string; readonly method: "S256" | "plain" } | null;
  readonly nonce: string | undefined;
  readonly endsAt: number;
  used: boolean;
}

export interface DeviceCode {
  readonly userCode: string;
  readonly clientId: string;
  readonly asked: Asked;
  readonly endsAt: number;
  /** null: nobody has decided yet. */
  decision: { readonly user: string } | "denied" | null;
  polledAt: number;
}

export const authorizationCodeLifeMs = 600_000;
export const deviceCodeLifeMs = 900_000;
const most = 1000;

export class PendingGrants {
  readonly #codes = new Map<string, AuthorizationCode>();
  readonly #devices = new Map<string, DeviceCode>();

  addCode(code: Omit<AuthorizationCode, "endsAt" | "used">): string {
    const id = `1.${randomBytes(48).toString("base64url")}`;
    bounded(this.#codes).set(id, { ...code, endsAt: Date.now() + authorizationCodeLifeMs, used: false });
    return id;
  }

  code(id: string): AuthorizationCode | null {
    return this.#codes.get(id) ?? null;
  }

  addDevice(clientId: string, asked: Asked): { readonly deviceCode: string; readonly userCode: string } {
    const deviceCode = randomBytes(48).toString("base64url");
    // RFC 8628 §6.1: letters and digits that nobody confuses.
    const userCode = Array.from({ length: 9 }, () => "BCDFGHJKLMNPQRSTVWXZ23456789"[randomInt(28)]).join("");
    bounded(this.#devices).set(deviceCode, {
      userCode,
      clientId,
      asked,
      endsAt: Date.now() + deviceCodeLifeMs,
      decision: null,
      polledAt: 0,
    });
    return { deviceCode, userCode };
  }

  device(deviceCode: string): DeviceCode | null {
    return this.#devices.get(deviceCode) ?? null;
  }

  devicesWaiting(): readonly DeviceCode[] {
    return [...this.#devices.values()].filter(({ decision, endsAt }) => decision === null && endsAt > Date.now());
  }

  /** False: no such code waits. */
  decide(userCode: string, decision: { readonly user: string } | "denied"): boolean {
    const device = this.devicesWaiting().find((each) => each.userCode === userCode.toUpperCase());
    if (device === undefined) return false;
    device.decision = decision;
    return true;
  }

  /** A device code is redeemed once. */
  spend(deviceCode: string): void {
    this.#devices.delete(deviceCode);
  }
}

function bounded<T>(map: Map<string, T>): Map<string, T> {
  const [oldest] = map.keys();
  if (map.size >= most && oldest !== undefined) map.delete(oldest);
  return map;
}
