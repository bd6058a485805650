import { Type } from "typebox";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { DnsFaultSchema, maxDnsFaults } from "../dns/dns-faults.ts";
import { DnsRecordSchema, DnsZoneSchema, maxRecords, maxZones } from "../dns/record.ts";
import type { House } from "../house.ts";
import type { UiSurroundings } from "./ui.ts";

const RecordsSchema = Type.Array(DnsRecordSchema, { maxItems: maxRecords });
const ZonesSchema = Type.Array(DnsZoneSchema, { maxItems: maxZones });
const FaultsSchema = Type.Array(DnsFaultSchema, { maxItems: maxDnsFaults });

const DnsSchema = Type.Object({
  records: Type.Array(DnsRecordSchema, { description: "What was added to the sandbox's own records." }),
  zones: Type.Array(Type.Object({ name: Type.String(), authentic: Type.Boolean() }), { description: "Every zone; `.` is the root." }),
  faults: FaultsSchema,
  hosts: Type.Record(Type.String(), Type.String(), {
    description: 'Where the hosts of the world really listen: {"mx.fabrikam.example": "127.0.0.1:10027"}.',
  }),
});

const ChangeSchema = Type.Object(
  { records: Type.Optional(RecordsSchema), zones: Type.Optional(ZonesSchema), faults: Type.Optional(FaultsSchema) },
  { additionalProperties: false, description: "Each part that is there replaces what was added before; parts that are absent stay." },
);

export function dnsRoutes({ dns, options }: House, { services }: UiSurroundings): readonly ApiRoute[] {
  const state = () => ({
    records: dns.additions.records,
    zones: dns
      .zones()
      .zones()
      .map(({ name, authentic }) => ({ name: name === "" ? "." : name, authentic })),
    faults: dns.faults.list(),
    hosts: Object.fromEntries(
      dns.hosts().flatMap(({ name, service }) => {
        const port = services.find((one) => one.service === service)?.port;
        return port === undefined ? [] : [[name, `${options.address}:${port}`]];
      }),
    ),
  });
  return [
    defineRoute({
      method: "GET",
      path: "/api/dns",
      summary: "The name server: what was added to its records, its zones, its faults, and where the hosts really listen.",
      answers: { 200: { description: "The name server.", schema: DnsSchema } },
      handle: state,
    }),
    defineRoute({
      method: "PUT",
      path: "/api/dns",
      summary: "Replaces records, zones or faults that were added. A reset goes back to sandbox.yaml.",
      body: ChangeSchema,
      answers: { 200: { description: "The name server.", schema: DnsSchema } },
      handle: ({ body }) => {
        dns.change(body);
        return state();
      },
    }),
  ];
}
