import { Type, type Static } from "typebox";
import { durationOption, optionsObject, pathOption, sizeOption, type Decoded } from "../lib/option-schema.ts";
import { sandboxPorts, type SandboxPorts } from "../lib/ports.ts";
import { FaultRuleSchema, maxFaults } from "./faults/faults.ts";
import { DnsRecordSchema, DnsZoneSchema, maxRecords, maxZones } from "./dns/record.ts";
import type { DnsAdditions } from "./dns/world-dns.ts";
import { addressPattern, roomOptions, roomSchemas, type RoomOptions } from "./smtp/room-options.ts";
import type { OverrideSections } from "../services/overrides.ts";
import { maxLateMs } from "./usage/usage-window.ts";
import type { TenantSource } from "./tenant/tenant-store.ts";

/**
 * sandbox.yaml, and what startSandbox takes.
 *
 * Everything in the file has a default that serves the demo: an empty file, or none, is a full sandbox.
 */
const domainPattern = "^[a-z0-9-]{1,63}(\\.[a-z0-9-]{1,63})+$";

function domainsOption(description: string, fallback?: readonly string[]) {
  const given = fallback === undefined ? {} : { default: [...fallback] };
  return Type.Array(Type.String({ pattern: domainPattern }), { description, minItems: 1, maxItems: 1000, ...given });
}

function portOption(port: number) {
  return Type.Integer({ minimum: 1, maximum: 65_535, default: port });
}

function choice<const T extends string>(values: readonly T[], fallback: T, description: string) {
  return Type.Unsafe<T>({ type: "string", enum: values, default: fallback, description });
}

export const SandboxSchema = optionsObject({
  address: Type.Optional(
    Type.String({
      default: "127.0.0.1",
      description: "Address of every listener. The sandbox's credentials are public: keep it on loopback.",
    }),
  ),
  ports: Type.Optional(
    optionsObject({
      mx: Type.Optional(portOption(sandboxPorts.mx)),
      onPremises: Type.Optional(portOption(sandboxPorts.onPremises)),
      internetMx: Type.Optional(portOption(sandboxPorts.internetMx)),
      smtpAuth: Type.Optional(portOption(sandboxPorts.smtpAuth)),
      hve: Type.Optional(portOption(sandboxPorts.hve)),
      acsSmtp: Type.Optional(portOption(sandboxPorts.acsSmtp)),
      sendgridSmtp: Type.Optional(portOption(sandboxPorts.sendgridSmtp)),
      api: Type.Optional(portOption(sandboxPorts.api)),
      apiHttp: Type.Optional(portOption(sandboxPorts.apiHttp)),
      dns: Type.Optional(portOption(sandboxPorts.dns)),
      ui: Type.Optional(portOption(sandboxPorts.ui)),
    }),
  ),
  tenant: Type.Optional(
    optionsObject(
      {
        file: Type.Optional(pathOption({ description: "A tenant file (YAML). Absent: the demo's, sandbox/contoso.yaml." })),
        name: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: "In place of the file's." })),
        domains: Type.Optional(domainsOption("Accepted domains in place of the file's; the first is the default domain.")),
        mailboxes: Type.Optional(
          Type.Array(Type.String({ maxLength: 320 }), {
            maxItems: 100_000,
            description: "The only recipients there are. Absent: as the file says; in the demo every address of the domains receives mail.",
          }),
        ),
      },
      "The tenant that is emulated.",
    ),
  ),
  internet: Type.Optional(
    optionsObject({
      domains: Type.Optional(domainsOption("Domains of the outside world.", ["fabrikam.example", "outlook.example", "gmail.example"])),
      relays: Type.Optional(
        Type.Record(Type.String({ pattern: domainPattern }), Type.String({ pattern: "^(\\[[0-9a-fA-F:]+\\]|[^:\\s]+):[0-9]{1,5}$" }), {
          maxProperties: 1000,
          description:
            'Domains whose notifications really go by SMTP, to host:port: `bounce.contoso.example: "127.0.0.1:2526"` is the gateway\'s bounce listener.',
        }),
      ),
    }),
  ),
  dns: Type.Optional(
    optionsObject(
      {
        records: Type.Optional(Type.Array(DnsRecordSchema, { maxItems: maxRecords })),
        zones: Type.Optional(Type.Array(DnsZoneSchema, { maxItems: maxZones })),
      },
      "What the sandbox's name server answers beside its own zones: the keys that Postern publishes, for instance.",
    ),
  ),
  keep: Type.Optional(
    optionsObject(
      {
        messages: Type.Optional(
          Type.Integer({ minimum: 1, maximum: 1_000_000, default: 100_000, description: "The oldest messages beyond this number go." }),
        ),
        size: Type.Optional(sizeOption({ default: "2GB", description: "The oldest messages beyond this much content go." })),
      },
      "How much mail the sandbox keeps.",
    ),
  ),
  clock: Type.Optional(
    optionsObject(
      {
        startAt: Type.Optional(
          Type.String({
            pattern: "^20\\d{2}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}(:\\d{2})?Z)?$",
            examples: ["2025-04-01"],
            description:
              "Where the policy clock begins, and where a reset takes it back to: an earlier day shows what held then. Absent: wall time. A data directory that has a clock keeps it.",
          }),
        ),
      },
      "The policy clock.",
    ),
  ),
  addresses: Type.Optional(
    Type.Record(Type.String(), Type.String({ pattern: addressPattern }), {
      maxProperties: 10_000,
      description: "Which addresses clients on loopback stand for, as PUT /api/addresses takes them.",
    }),
  ),
  ...roomSchemas,
  receivingLimits: Type.Optional(
    Type.Boolean({
      default: true,
      description: "A mailbox takes 1,200 messages an hour from one sender and 3,600 from all. false: any number, for load tests.",
    }),
  ),
  limits: Type.Optional(
    optionsObject(
      {
        late: Type.Optional(
          durationOption({
            default: "0s",
            description:
              "In windows of an hour and more, a message is counted up to so much later than it is taken, at random; at most a minute.",
          }),
        ),
        seed: Type.Optional(Type.Integer({ description: "Makes those delays the same in each run. Absent: others each time." })),
        refuseMailboxAt: Type.Optional(
          choice(
            ["data", "notification"],
            "data",
            "Where a mailbox whose recipients are used up hears it: 554 5.2.0 at the end of the data, or 550 5.1.90 in a notification. Both are published.",
          ),
        ),
        refuseTenantAt: Type.Optional(
          choice(
            ["notification", "data"],
            "notification",
            "Where 5.7.232, 5.7.233 and 5.7.236 come: in a notification, as published, or at the end of the data (unverified), for the whole message.",
          ),
        ),
      },
      "How the limits of accounts are counted.",
    ),
  ),
  services: Type.Optional(
    Type.Record(
      Type.String({ pattern: "^[a-z-]{1,32}$" }),
      Type.Record(
        Type.String({ pattern: "^[a-z-]{1,64}$" }),
        optionsObject({
          value: Type.Unknown({ description: "The value, of the kind that the fact has; `unlimited` lifts a limit." }),
          reason: Type.String({ minLength: 1, maxLength: 500, description: "Why, for whoever finds it later." }),
        }),
      ),
      { description: "Published values that are different here, as `services` in postern.yaml has them." },
    ),
  ),
  faults: Type.Optional(
    Type.Array(FaultRuleSchema, { maxItems: maxFaults, description: "Faults from the start, as POST /api/faults takes them." }),
  ),
});

/** sandbox.yaml, parsed. */
export type SandboxFile = Decoded<Static<typeof SandboxSchema>>;

/** What startSandbox takes, complete. */
export interface SandboxOptions {
  /** The sandbox's own directory; made when missing. */
  readonly dataDirectory: string;
  readonly address: string;
  /** 0 takes any free port (tests). Only the ports of rooms that exist are opened. */
  readonly ports: SandboxPorts;
  /** PEM files: the certificate that every room shows, with its chain, and its key. */
  readonly tls: { readonly certificateFile: string; readonly keyFile: string };
  /** Where the tenant comes from; TenantStore reads it. */
  readonly tenant: TenantSource;
  readonly internet: {
    readonly domains: readonly string[];
    /** Domain to host:port. */
    readonly relays: Readonly<Record<string, string>>;
  };
  readonly dns: DnsAdditions;
  readonly keep: { readonly messages: number; readonly bytes: number };
  /** Peer address to the address it stands for. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly rooms: RoomOptions;
  readonly receivingLimits: boolean;
  /** Where the policy clock begins, ms; null: wall time. */
  readonly startAt: number | null;
  readonly limits: {
    readonly lateMs: number;
    /** null: others each time. */
    readonly seed: number | null;
    readonly refuseMailboxAt: "data" | "notification";
    readonly refuseTenantAt: "notification" | "data";
  };
  readonly services: OverrideSections;
  readonly faults: NonNullable<SandboxFile["faults"]>;
  readonly log: (fact: SandboxFact) => void;
}

/** What an operator of the sandbox may want to know. One event a fact. */
export type SandboxFact =
  | { readonly event: "sandbox.started"; readonly listeners: Readonly<Record<string, string>> }
  | { readonly event: "sandbox.stopped" }
  | {
      readonly event: "sandbox.accepted";
      readonly id: string;
      readonly service: string;
      readonly mailFrom: string;
      readonly recipients: number;
      readonly size: number;
    }
  | { readonly event: "sandbox.refused"; readonly service: string; readonly at: string; readonly reply: string }
  | {
      readonly event: "sandbox.clock-moved";
      readonly now: string;
      readonly advancedMs: number;
      readonly steps: number;
      readonly late: readonly string[];
    }
  | { readonly event: "sandbox.reset" }
  | { readonly event: "sandbox.fault"; readonly where: string; readonly error: unknown };

/** What the caller knows and the file does not. */
export interface SandboxSurroundings {
  readonly dataDirectory: string;
  readonly tls: SandboxOptions["tls"];
  readonly log: SandboxOptions["log"];
  /** The ports where the file names none (the demo's offset is in them). */
  readonly ports: SandboxPorts;
}

/** Completes a parsed sandbox.yaml (`{}` when there is none) with the defaults. */
export function sandboxOptions(file: SandboxFile, { dataDirectory, tls, log, ports }: SandboxSurroundings): SandboxOptions {
  return {
    dataDirectory,
    tls,
    log,
    address: file.address ?? "127.0.0.1",
    ports: { ...ports, ...file.ports },
    tenant: { ...file.tenant, file: file.tenant?.file ?? null },
    internet: {
      domains: file.internet?.domains ?? ["fabrikam.example", "outlook.example", "gmail.example"],
      relays: file.internet?.relays ?? {},
    },
    dns: { records: file.dns?.records ?? [], zones: file.dns?.zones ?? [] },
    keep: { messages: file.keep?.messages ?? 100_000, bytes: file.keep?.size ?? 2 * 1024 ** 3 },
    addresses: file.addresses ?? {},
    rooms: roomOptions(file),
    receivingLimits: file.receivingLimits ?? true,
    startAt: startOf(file.clock?.startAt),
    limits: {
      lateMs: Math.min(file.limits?.lateMs ?? 0, maxLateMs),
      seed: file.limits?.seed ?? null,
      refuseMailboxAt: file.limits?.refuseMailboxAt ?? "data",
      refuseTenantAt: file.limits?.refuseTenantAt ?? "notification",
    },
    services: file.services ?? {},
    faults: file.faults ?? [],
  };
}

/** @throws RangeError for a day that is none */
function startOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new RangeError(`clock.startAt: ${text} is no day`);
  return at;
}
