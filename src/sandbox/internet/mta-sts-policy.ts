import type { HttpReply, HttpRequest, HttpService } from "../front/http-service.ts";

/** Which domain of the outside world publishes a policy: the second one, `outlook.example`. */
export function stsDomain(internetDomains: readonly string[]): string | null {
  return internetDomains[1]?.toLowerCase() ?? null;
}

/** RFC 8461 §3.1: changes when the policy does, which is never. */
export const stsRecord = "v=STSv1; id=20261101T000000";

/** RFC 8461 §3.2: the policy of one domain, which enforces TLS with a verified certificate for its mail server. */
export function mtaStsPolicy(internetDomains: readonly string[]): HttpService {
  const domain = stsDomain(internetDomains);
  const path = "/.well-known/mta-sts.txt";
  return {
    service: "mta-sts",
    hosts: domain === null ? [] : [`mta-sts.${domain}`],
    // By loopback nobody could tell whose policy is meant.
    owns: () => false,
    maxBody: 0,
    tlsOnly: true,
    handle(request: HttpRequest): Promise<HttpReply> {
      const headers = { "content-type": "text/plain" };
      if (request.path !== path || request.method !== "GET") return Promise.resolve({ status: 404, headers, body: "" });
      const lines = ["version: STSv1", "mode: enforce", `mx: mx.${domain ?? ""}`, "max_age: 604800", ""];
      return Promise.resolve({ status: 200, headers, body: lines.join("\r\n") });
    },
  };
}
