import { InvalidArgumentError, type Command } from "commander";
import { CommandError } from "./exit-codes.ts";
import { repeated, withData, withExamples, withJson, type CommonOptions } from "./options.ts";
import { printJson, printLines, printTable } from "./output.ts";
import { askSandbox } from "./sandbox-control.ts";

/** `postern sandbox hve …` and `postern sandbox cmdlet …`: High Volume Email accounts of the running sandbox. */
interface Account {
  readonly displayName: string;
  readonly address: string;
  readonly alias: string;
  readonly password: string;
  readonly replyTo: string | null;
  readonly billingPolicyStatus: string;
  readonly allowedApps: readonly string[];
}

interface Changes extends CommonOptions {
  readonly displayName?: string;
  readonly alias?: string;
  readonly password?: string;
  readonly replyTo?: string;
  readonly billing?: string;
  readonly allowApp?: readonly string[];
  readonly forbidApp?: readonly string[];
}

export function addSandboxHve(sandbox: Command): void {
  const hve = sandbox.command("hve").description("list, make, change and remove High Volume Email accounts of the running sandbox");
  const list = hve
    .command("list")
    .description("list the accounts")
    .action(async (_options: unknown, self: Command) => await listAccounts(self.optsWithGlobals()));
  withJson(withData(list));
  const add = hve
    .command("add")
    .description("make an account")
    .argument("<address>", "primary address, of an accepted domain")
    .requiredOption("--password <text>", "its password, at least eight characters; the sandbox's passwords are public")
    .option("--display-name <text>", "shown name; absent: what stands before the @")
    .option("--alias <text>", "alias; absent: what stands before the @")
    .action(async (address: string, _options: unknown, self: Command) => {
      const { data, json, displayName, alias, password } = self.optsWithGlobals<Changes>();
      show((await askSandbox(data, "POST", "/api/hve-accounts", { address, password, displayName, alias })) as Account, json);
    });
  withJson(withData(add));
  withExamples(add, [
    ["postern sandbox hve add scanner2@contoso.example --display-name Scanners --password Sandbox-Hve-2", "another account"],
  ]);
  const set = hve
    .command("set")
    .description("change an account")
    .argument("<address>", "primary address or alias")
    .option("--display-name <text>", "shown name")
    .option("--alias <text>", "alias")
    .option("--password <text>", "password")
    .option("--reply-to <address>", 'forced Reply-To; "" clears it')
    .option("--billing <status>", "billing policy status, such as BillingPolicyValid", word)
    .option("--allow-app <object-id>", "let this enterprise application use it; may be repeated", repeated)
    .option("--forbid-app <object-id>", "no longer let it; may be repeated", repeated)
    .action(async (address: string, _options: unknown, self: Command) => await change(address, self.optsWithGlobals()));
  withJson(withData(set));
  const remove = hve
    .command("remove")
    .description("remove an account")
    .argument("<address>", "primary address or alias")
    .action(async (address: string, _options: unknown, self: Command) => {
      await askSandbox(self.optsWithGlobals<CommonOptions>().data, "DELETE", `/api/hve-accounts/${encodeURIComponent(address)}`);
      printLines([`${address}: removed`]);
    });
  withData(remove);
  const cmdlet = sandbox
    .command("cmdlet")
    .description("explain a cmdlet for High Volume Email, and on request do it to the sandbox's tenant")
    .argument("<text>", "one command, as documents print it")
    .option("--apply", "do it, too")
    .action(async (text: string, _options: unknown, self: Command) => await runCmdlet(text, self.optsWithGlobals()));
  withJson(withData(cmdlet));
  withExamples(cmdlet, [
    [
      'postern sandbox cmdlet "New-MailUser -LOBAppAccount -Name App -PrimarySmtpAddress app2@contoso.example -Password (Read-Host -AsSecureString)"',
      "what is it?",
    ],
  ]);
}

async function listAccounts({ data, json }: CommonOptions): Promise<void> {
  const { accounts, limit } = (await askSandbox(data, "GET", "/api/hve-accounts")) as { accounts: readonly Account[]; limit: number };
  if (json === true) return printJson({ limit, accounts });
  printTable(
    ["ADDRESS", "DISPLAY NAME", "ALIAS", "BILLING", "APPS", "REPLY-TO"],
    accounts.map((each) => [
      each.address,
      each.displayName,
      each.alias,
      each.billingPolicyStatus,
      String(each.allowedApps.length),
      each.replyTo ?? "-",
    ]),
  );
  printLines([`${accounts.length} of ${limit}`]);
}

async function change(
  address: string,
  { data, json, displayName, alias, password, replyTo, billing, allowApp, forbidApp }: Changes,
): Promise<void> {
  const path = `/api/hve-accounts/${encodeURIComponent(address)}`;
  const changes: Record<string, unknown> = { displayName, alias, password, billingPolicyStatus: billing };
  if (replyTo !== undefined) changes["replyTo"] = replyTo === "" ? null : replyTo;
  if (allowApp !== undefined || forbidApp !== undefined) {
    const { accounts } = (await askSandbox(data, "GET", "/api/hve-accounts")) as { accounts: readonly Account[] };
    const before = accounts.find((each) => each.address === address || each.alias === address)?.allowedApps ?? [];
    changes["allowedApps"] = [...new Set([...before, ...(allowApp ?? [])])].filter((id) => !(forbidApp ?? []).includes(id));
  }
  if (Object.values(changes).every((value) => value === undefined)) throw new CommandError("usage", "say what to change; --help lists it");
  show((await askSandbox(data, "PATCH", path, changes)) as Account, json);
}

async function runCmdlet(text: string, { data, json, apply }: CommonOptions & { readonly apply?: true }): Promise<void> {
  const told = (await askSandbox(data, "POST", "/api/cmdlet", { text, apply: apply === true })) as {
    readonly cmdlet: string;
    readonly says: readonly string[];
    readonly refused: string | null;
    readonly applied: boolean;
  };
  if (json === true) printJson(told);
  else
    printLines([
      ...told.says,
      told.refused === null ? (told.applied ? "Done." : "It would be done; --apply does it.") : `Refused: ${told.refused}`,
    ]);
  if (told.refused !== null) process.exitCode = 1;
}

function show(account: Account, json: true | undefined): void {
  if (json === true) return printJson(account);
  printLines(Object.entries(account).map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(", ") : (value ?? "-")}`));
}

function word(text: string): string {
  if (!/^[A-Za-z]{1,64}$/.test(text)) throw new InvalidArgumentError("A status is one word.");
  return text;
}
