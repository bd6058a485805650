import type { Authentication } from "../messages/message.ts";

/**
 * What the big consumer services ask of bulk senders (facts file 14), for every sender while the switch is on: SPF *and* DKIM pass, and DMARC by
 * one of them. Null: taken.
 *
 * @param domain of the recipient
 * @param author domain of the From field
 */
export function bulkSenderRefusal(domain: string, author: string, { spf, dkim, dmarc }: Authentication): string | null {
  if (spf === "pass" && dkim === "pass" && dmarc === "pass") return null;
  switch (domain) {
    case "outlook.example":
      // The first sentence is certain, the tail as reported.
      return (
        `550 5.7.515 Access denied, sending domain ${author} does not meet the required authentication level. The sender's domain in the ` +
        "5322.From address doesn't meet the authentication requirements defined for the sender. To learn how to fix this see: " +
        `https://go.microsoft.com/fwlink/p/?linkid=2319303 Spf= ${word(spf)} , Dkim= ${word(dkim)} , DMARC= ${word(dmarc)}`
      );
    case "gmail.example":
      // The code is published, the words are unverified.
      return "550 5.7.26 This mail is blocked because the sender is not authenticated; it must pass SPF and DKIM";
    default:
      return null;
  }
}

function word(result: string): string {
  return result === "pass" ? "Pass" : "Fail";
}
