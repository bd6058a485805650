/**
 * Who may import whom: the table that ARCHITECTURE.md quotes, as data. A folder may always import itself (except across adapters) and
 * `lib`; a row names what else. An entry with a file name allows that file (a port) only.
 */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  mail: ["lib"],
  services: ["mail", "lib"],
  wire: ["mail", "lib"],
  routing: ["services", "mail", "lib"],
  limits: ["services", "mail", "lib"],
  suppression: ["mail", "lib"],
  templates: ["mail", "lib"],
  identity: ["services", "wire", "mail", "lib"],
  domains: ["services", "wire", "mail", "lib"],
  feedback: ["queue/late-news.ts", "identity", "suppression", "services", "wire", "mail", "lib"],
  routes: ["identity", "domains", "services", "wire", "mail", "lib"],
  queue: ["limits", "routing", "mail", "lib", "routes/route.ts"],
  submission: ["queue", "limits", "routing", "suppression", "identity", "wire", "mail", "lib"],
  ingress: ["submission/submission.ts", "queue/store.ts", "identity", "templates", "services", "wire", "mail", "lib"],
  forecast: ["queue", "limits", "routing", "services", "mail", "lib", "routes/route.ts"],
  reports: ["queue/store.ts", "queue/archive.ts", "queue/dsn-composer.ts", "wire", "mail", "lib"],
  store: ["queue/store.ts", "queue/archive.ts", "limits/journal.ts", "mail", "lib"],
  mailflow: ["domains", "services", "wire", "mail", "lib"],
  sandbox: ["mailflow", "domains", "services", "templates", "wire", "mail", "lib"],
  config: [
    "sandbox/options.ts",
    "ingress",
    "identity",
    "domains",
    "routes",
    "routing",
    "queue",
    "limits",
    "services",
    "wire",
    "mail",
    "lib",
  ],
  admin: [
    "config",
    "ingress",
    "submission",
    "feedback",
    "reports",
    "store",
    "queue",
    "forecast",
    "routing",
    "routes",
    "limits",
    "identity",
    "services",
    "wire",
    "mail",
    "lib",
  ],
  compose: ["*"],
  cli: ["*"],
  "main.ts": ["*"],
};

/** Folders whose sub-folders are adapters: strangers to each other. What lies beside them is shared by all. */
export const adapterFolders: readonly string[] = ["routes", "ingress", "store", "services"];

/** What adapters of a folder share beyond the files on top of it: an engine, not an adapter; it knows none of them. */
export const sharedByAdapters: readonly string[] = ["routes/smtp-client", "ingress/http"];

/** No I/O, no clock of the machine, no randomness: these come in as arguments. */
export const pureFolders: readonly string[] = ["mail", "wire", "services", "routing"];

/** What does no I/O may be imported by the pure. */
export const pureModules: readonly string[] = ["node:crypto", "node:buffer", "node:util", "node:punycode", "node:string_decoder"];
