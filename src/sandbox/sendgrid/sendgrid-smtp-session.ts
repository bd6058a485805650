import { canonicalAddress, domainOf } from "../../mail/address.ts";
import type { Reply } from "../../mail/reply.ts";
import type { Answer, Credentials } from "../../wire/smtp/server/handler.ts";
import { authorsOf } from "../exo/client-submission.ts";
import { editHeader, fieldValue } from "../smtp/header-edit.ts";
import type { ArrivedMessage, RoomSession, Taken } from "../smtp/room.ts";
import { equalSecrets } from "../entra/equal-secrets.ts";
import type { SendgridAccount } from "../tenant/tenant.ts";
import { sendgridSmtp } from "../../services/sendgrid-smtp.ts";
import { publishedLimit } from "../published.ts";
import type { SendgridShared } from "./sendgrid-smtp.ts";
import { readSmtpApi, type SmtpApi } from "./smtpapi.ts";

const noCredits = "451 Authentication failed: Maximum credits exceeded";
/** The address of the page is ours to fill in: the published text was read in a shortened form. */
const unverifiedSender =
  "550 The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved. Visit https://sendgrid.com/docs/for-developers/sending-email/sender-identity/ to see the Sender Identity requirements";

/** One client of SendGrid's SMTP. */
export class SendgridSmtpSession implements RoomSession {
  readonly #shared: SendgridShared;
  /** The key that has logged in. */
  #key = "";
  #messages = 0;

  constructor(shared: SendgridShared) {
    this.#shared = shared;
  }

  authenticate(credentials: Credentials): Answer {
    const { texts } = this.#shared;
    const refused = texts.say("535 Authentication failed: The provided authorization grant is invalid, expired, or revoked");
    if (credentials.mechanism === "XOAUTH2" || credentials.user !== "apikey") return refused;
    const key = credentials.password;
    const account = this.#accountOf(key);
    if (account === null) return refused;
    if (this.#left(account) <= 0) return texts.say(noCredits);
    this.#key = key;
    return null;
  }

  mail(): Answer {
    const { texts } = this.#shared;
    if (this.#messages >= this.#limit("maxMessagesPerConnection")) return texts.unverified("sendgrid-connection-used-up");
    const account = this.#accountOf(this.#key);
    return account === null || this.#left(account) <= 0 ? texts.say(noCredits) : null;
  }

  rcpt(_command: unknown, before: readonly string[]): Answer {
    return before.length >= this.#limit("maxRecipients") ? this.#shared.texts.unverified("sendgrid-too-many-recipients") : null;
  }

  async take({ envelope, content, client }: ArrivedMessage): Promise<Taken | Reply> {
    const { house, texts, hostname, credits } = this.#shared;
    const account = this.#accountOf(this.#key);
    if (account === null) return texts.say(noCredits);
    if (content.size > this.#limit("maxSize")) return texts.unverified("sendgrid-too-large");
    const authors = authorsOf(content);
    if (authors.length === 0 || !authors.every((author) => isVerified(account, author))) return texts.say(unverifiedSender);
    const written = fieldValue(content.head(), "x-smtpapi");
    const wishes: SmtpApi | null =
      written === null ? { to: null, categories: [] } : readSmtpApi(Buffer.from(written, "latin1").toString("utf8"));
    if (wishes === null) return texts.unverified("sendgrid-smtpapi");
    const recipients = wishes.to?.map((address) => ({ address })) ?? envelope.recipients;
    if (recipients.length > this.#limit("maxRecipients")) return texts.unverified("sendgrid-too-many-recipients");
    if (recipients.length > this.#left(account)) return texts.say(noCredits);
    this.#messages++;
    credits.add(accountName(account), recipients.length, house.clock.now());
    const sent = written === null ? content : await editHeader(house.messages, content, { remove: ["x-smtpapi"], add: "" });
    try {
      const kept = await house.post.take(
        {
          service: "sendgrid-smtp",
          account: "apikey",
          envelope: { ...envelope, recipients },
          client,
          hostname,
          ...(wishes.categories.length === 0 ? {} : { categories: wishes.categories }),
        },
        sent,
      );
      if (sent !== content) await content.abort();
      return { id: kept.id, reply: { code: 250, lines: [`Ok: queued as ${kept.id}`] } };
    } catch (error) {
      if (sent !== content) await sent.abort();
      throw error;
    }
  }

  #limit(name: "maxMessagesPerConnection" | "maxRecipients" | "maxSize"): number {
    return publishedLimit(sendgridSmtp.profile[name], this.#shared.house.clock.now());
  }

  #accountOf(key: string): SendgridAccount | null {
    return this.#shared.house.tenant.current.sendgrid.find(({ apiKeys }) => apiKeys.some((each) => equalSecrets(key, each))) ?? null;
  }

  #left(account: SendgridAccount): number {
    return account.credits === null
      ? Infinity
      : account.credits - this.#shared.credits.used(accountName(account), this.#shared.house.clock.now());
  }
}

/** Which account it is, without saying its key: `SG.` and the key's public part. */
function accountName({ apiKeys }: SendgridAccount): string {
  return (apiKeys[0] ?? "").split(".", 2).join(".");
}

function isVerified({ verifiedSenders }: SendgridAccount, address: string): boolean {
  return verifiedSenders.some((sender) =>
    sender.startsWith("@") ? sender.slice(1).toLowerCase() === domainOf(address) : canonicalAddress(sender) === canonicalAddress(address),
  );
}
