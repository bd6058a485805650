import { Type } from "typebox";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { HttpFailure } from "../../lib/http/http-failure.ts";
import type { House } from "../house.ts";

const AddressesSchema = Type.Record(Type.String({ maxLength: 45 }), Type.String({ maxLength: 45 }), {
  maxProperties: 10_000,
  description: 'Peer address to the address it stands for: {"127.0.0.9": "203.0.113.9"}.',
});

export function addressRoutes({ addresses }: House): readonly ApiRoute[] {
  return [
    defineRoute({
      method: "GET",
      path: "/api/addresses",
      summary: "Which addresses clients on loopback stand for.",
      answers: { 200: { description: "The map.", schema: AddressesSchema } },
      handle: () => addresses.entries,
    }),
    defineRoute({
      method: "PUT",
      path: "/api/addresses",
      summary: "Exchanges the map of addresses. It holds for connections that come afterwards; a reset leaves it.",
      body: AddressesSchema,
      answers: { 200: { description: "The map.", schema: AddressesSchema } },
      handle: ({ body }) => {
        const entries = addresses.replace(body);
        if (entries === null) throw new HttpFailure(400, "address.invalid", "Every key and every value must be an IPv4 or IPv6 address.");
        return entries;
      },
    }),
  ];
}
