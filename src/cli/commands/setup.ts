import type { Command } from "commander";
import type { RotationView, SignInLine } from "../../admin/setup-contract.ts";
import { openControl } from "../control.ts";
import { CommandError } from "../exit-codes.ts";
import { cleanCell, printJson, printLines } from "../output.ts";
import { withData, withExamples, withJson, type CommonOptions } from "../options.ts";

interface Options extends CommonOptions {
  readonly rotate?: true;
  readonly login?: true;
}

export default function define(command: Command): void {
  withJson(withData(command))
    .argument("<route>", "route whose identity it is about")
    .option("--rotate", "print how to renew its secret or certificate without a gap; nothing is run")
    .option("--login", "sign in as the user that the route sends as")
    .action(async (route: string, { data, json, rotate, login }: Options) => {
      if ((rotate === undefined) === (login === undefined)) throw new CommandError("usage", "say --rotate or --login");
      if (rotate === true) await printRotation(route, data, json === true);
      else await signIn(route, data);
    });
  withExamples(command, [
    ["postern setup m365 --rotate", "commands for a new secret or certificate beside the old one, each with its check"],
    ["postern setup m365 --login", "a code or an address to open in a browser; the refresh token is kept encrypted"],
  ]);
}

async function printRotation(route: string, data: string, json: boolean): Promise<void> {
  const plan = await openControl(data).post<RotationView>("/api/setup/rotate", { route });
  if (json) return printJson(plan);
  printLines([
    `Renewing the credentials of identity ${plan.identity} (${plan.kind}). Nothing below has been run.`,
    ...plan.steps.flatMap(({ title, commands, check }, index) => [
      "",
      `${index + 1}. ${cleanCell(title)}`,
      ...commands.map((line) => `     ${cleanCell(line)}`),
      ...(check === undefined ? [] : [`   Check: ${cleanCell(check)}`]),
    ]),
  ]);
}

async function signIn(route: string, data: string): Promise<void> {
  let done = false;
  let failed: string | undefined;
  await openControl(data).stream("/api/setup/login", { route }, (line) => {
    const { tell, done: ended, error } = line as SignInLine;
    if (tell !== undefined) process.stdout.write(`${cleanCell(tell)}\n`);
    done = ended ?? done;
    failed = error ?? failed;
  });
  if (failed !== undefined) throw new CommandError("noPermission", failed);
  if (!done) throw new CommandError("io", "the gateway ended before anybody had signed in");
  process.stdout.write(`signed in; try it: postern doctor ${route}\n`);
}
