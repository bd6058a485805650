import type { Command } from "commander";
import { withExamples } from "../options.ts";

/** For help only: what is really called is read by sendmail's own rules (sendmail/run-sendmail.ts). */
export default function define(command: Command): void {
  command
    .argument("[recipients...]", "whom the letter goes to")
    .option("--socket <path>", "the gateway's socket; default: POSTERN_SENDMAIL_SOCKET, else /run/postern/sendmail.sock")
    .option("--data <dir>", "data directory, for -bp")
    .addHelpText(
      "after",
      `\nAs sendmail has them:\n${sendmailOptions.map(([option, about]) => `  ${option.padEnd(13)}${about}`).join("\n")}\n\nOther options of sendmail (-B -O -o -q -v -bi …) are understood and do nothing. The letter is taken for all recipients or for none;\nexit code 75 says that nothing was sent and that it can be tried again.`,
    );
  withExamples(command, [
    ["postern sendmail -t < letter", "recipients from the header"],
    ["postern sendmail -f app@contoso.example bob@fabrikam.example", "letter from standard input"],
    ["ln -s /opt/postern/bin/postern /usr/sbin/sendmail", "for everything that calls sendmail"],
  ]);
}

const sendmailOptions: readonly (readonly [string, string])[] = [
  ["-t", "read recipients from To, Cc and Bcc; those of the command line are added"],
  ["-i, -oi", "a line with a lone dot does not end the letter"],
  ["-f, -r ADDR", "reverse-path; default: the user's name at the gateway's domain"],
  ["-F NAME", "full name for a From field, if the letter has none"],
  ["-N WISHES", "notifications: never, or success, failure and delay with commas between"],
  ["-R WHAT", "what a notification returns: full or hdrs"],
  ["-V ID", "envelope id, for notifications"],
  ["-bs", "speak SMTP on standard input and output"],
  ["-bp", "list the queue, as mailq (needs the gateway's data directory)"],
];
