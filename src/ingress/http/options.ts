import { Type, type Static } from "typebox";
import { fileOption, optionsObject, type Decoded } from "../../lib/option-schema.ts";

/** One of `http.listeners` in the configuration. */
export const httpListenerSchema = optionsObject(
  {
    name: Type.String({ minLength: 1, maxLength: 64, description: "Unique name, shown in traces and logs." }),
    address: Type.String({
      minLength: 1,
      default: "127.0.0.1",
      description: "IP address to listen on; `::` is every address of both families.",
    }),
    port: Type.Integer({ minimum: 0, maximum: 65_535, description: "Port; 0 takes a free one. Usual: 8443 with TLS, 8080 without." }),
    tls: Type.Optional(
      optionsObject(
        {
          cert: fileOption({ description: "Certificate chain, PEM." }),
          key: fileOption({ description: "Private key, PEM." }),
        },
        "HTTPS, TLS 1.2 or later. Absent: plain HTTP.",
      ),
    ),
    plainText: Type.Optional(
      Type.Boolean({
        default: false,
        description: "true: plain HTTP beyond loopback too; for a place behind a proxy of your own that does the encryption.",
      }),
    ),
    maxConnections: Type.Optional(Type.Integer({ minimum: 1, default: 1000, description: "Connections at the same time." })),
    maxConnectionsPerAddress: Type.Optional(
      Type.Integer({ minimum: 1, default: 250, description: "Connections at the same time from one address (IPv6: one /64)." }),
    ),
  },
  "A listener for the compatible APIs.",
);

export type HttpListenerOptions = Decoded<Static<typeof httpListenerSchema>>;

export interface HttpDoorOptions {
  readonly listeners: readonly HttpListenerOptions[];
  /** Bytes that requests may occupy together in memory, with what is made of them; more is refused for now. Default 256 MB. */
  readonly maxContentInMemory?: number;
}

/** What is left out of a listener's options. */
export const httpListenerDefaults = { maxConnections: 1000, maxConnectionsPerAddress: 250 } as const;
