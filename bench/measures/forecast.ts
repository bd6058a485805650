import { performance } from "node:perf_hooks";
import { runForecast } from "../../src/forecast/run-forecast.ts";
import { inputOf, routeOf } from "../../src/forecast/support.ts";

/** A forecast of a million recipients over ten mailboxes of SMTP AUTH, asked as the gateway asks it: seconds, the start of its thread included. */
export async function measureForecast(recipients: number, signal: AbortSignal): Promise<number> {
  const names = Array.from({ length: 10 }, (_, i) => `mailbox-${i}`);
  const input = inputOf({
    routes: names.map((name) => routeOf(name, { concurrency: 3, maxRecipients: 500 }, { meanMs: 400 })),
    counted: names.map((name) => ({ name, service: "smtp-auth", mailbox: `${name}@contoso.example` })),
    tenant: { licences: 5000 },
    question: {
      to: [
        { to: "@contoso.example", count: recipients * 0.8 },
        { to: "@fabrikam.example", count: recipients * 0.2 },
      ],
    },
  });
  const begun = performance.now();
  const { lastOutAt } = await runForecast(input, { faster: false, signal });
  if (lastOutAt === null) throw new Error("not all would be out");
  return (performance.now() - begun) / 1000;
}
