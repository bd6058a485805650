import { defineMetrics } from "../../src/admin/metrics.ts";

interface Described {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames?: readonly string[];
}

/** docs/reference/metrics.md: every metric of ours with its kind, labels and meaning, as the registry has them. */
export function metricsReference(notice: string): string {
  const metrics = defineMetrics().registry.getMetricsAsArray() as unknown as readonly Described[];
  return [
    notice,
    "# Metrics",
    "",
    "`GET /metrics` on the console's port, in Prometheus' text format, without a token: numbers and names of the configuration, never an address of a recipient. Counters are since",
    "start unless they say otherwise. What the process itself uses (`postern_process_…`, `postern_nodejs_…`) is told as well.",
    "",
    "| metric | kind | labels | meaning |",
    "|---|---|---|---|",
    ...metrics
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(
        ({ name, type, labelNames = [], help }) =>
          `| \`${name}\` | ${type} | ${labelNames.map((label) => `\`${label}\``).join(", ")} | ${help.replaceAll("|", "\\|")} |`,
      ),
    "",
    "## Limits",
    "",
    "`counted` is for whom a limit is counted: `tenant`, `subscription`, `mailbox of ROUTE`, `route ROUTE`. Where each sender, principal or recipient has a counter of his own, only the",
    "fullest is told, and `postern_quota_counters` says how many there are. Alarms that serve:",
    "",
    "```yaml",
    "- alert: LimitNearlyUsed        # the log has it as near-limit, once for 80, 95 and 100 %",
    '  expr: postern_quota_used_ratio{rule!~".*-per-minute|.*connections"} > 0.8',
    "- alert: MailWaitsForALimit",
    "  expr: max by (route, limit) (postern_route_gate_closed_until_seconds) - time() > 0",
    "  for: 15m",
    "- alert: OthersUseTheQuota",
    "  expr: postern_quota_foreign / on (rule) group_left postern_quota_amount > 0.5",
    "```",
    "",
  ].join("\n");
}
