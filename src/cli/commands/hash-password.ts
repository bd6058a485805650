import type { Command } from "commander";
import { CommandError } from "../exit-codes.ts";
import { readAll } from "../read-input.ts";
import { withData, withExamples } from "../options.ts";

export default function define(command: Command): void {
  withData(command).action(async () => {
    if (process.stdin.isTTY) process.stderr.write("Type the password, then Enter and Ctrl-D (it is shown; pipe it in to avoid that):\n");
    const password = (await readAll(process.stdin, 4096)).toString("utf8").replace(/\r?\n$/, "");
    if (password === "") throw new CommandError("data", "there is no password on standard input");
    const { hashPassword } = await import("../../identity/password-hash.ts");
    process.stdout.write(`${hashPassword(password)}\n`);
  });
  withExamples(command, [["postern hash-password < password.txt", 'for `password: { hash: "…" }` of a principal']]);
}
