import { canonicalAddress, domainOf } from "../../mail/address.ts";
import type { Reply } from "../../mail/reply.ts";
import type { Answer, Credentials, MailCommand } from "../../wire/smtp/server/handler.ts";
import { authorsOf } from "../exo/client-submission.ts";
import { editHeader, fieldValue } from "../smtp/header-edit.ts";
import type { ArrivedMessage, RoomSession, Taken } from "../smtp/room.ts";
import { equalSecrets } from "../entra/equal-secrets.ts";
import type { SendgridAccount } from "../tenant/tenant.ts";
import { sendgridSmtp } from "../../services/sendgrid-smtp.ts";
import { accountName } from "./sendgrid-account.ts";
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
    const { texts, house } = this.#shared;
    const refused = texts.say("535 Authentication failed: The provided authorization grant is invalid, expired, or revoked");
    if (credentials.mechanism === "XOAUTH2" || credentials.user !== "apikey") return refused;
    const key = credentials.password;
    const account = this.#accountOf(key);
    if (account === null) return refused;
    if (!this.#hasRoom(account, 1, house.clock.now())) return this.#throttle(account, null);
    this.#key = key;
    return null;
  }

  mail({ reversePath }: MailCommand): Answer {
    const { texts, house } = this.#shared;
    if (this.#messages >= this.#limit("maxMessagesPerConnection")) return texts.unverified("sendgrid-connection-used-up");
    const account = this.#accountOf(this.#key);
    if (account === null) return texts.say(noCredits);
    return this.#hasRoom(account, 1, house.clock.now()) ? null : this.#throttle(account, reversePath);
  }

  rcpt(_command: unknown, before: readonly string[]): Answer {
    return before.length >= this.#limit("maxRecipients") ? this.#shared.texts.unverified("sendgrid-too-many-recipients") : null;
  }

  async take({ envelope, content, client }: ArrivedMessage): Promise<Taken | Reply> {
    const { house, texts, hostname, credits, trial } = this.#shared;
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
    const at = house.usage.momentOf(house.clock.now());
    if (!this.#hasRoom(account, recipients.length, at)) return this.#throttle(account, envelope.reversePath);
    this.#messages++;
    for (const window of [credits, trial]) window.add(accountName(account), recipients.length, at);
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
    const { published, clock } = this.#shared.house;
    return published.limit(sendgridSmtp.profile[name], clock.now());
  }

  #accountOf(key: string): SendgridAccount | null {
    return this.#shared.house.tenant.current.sendgrid.find(({ apiKeys }) => apiKeys.some((each) => equalSecrets(key, each))) ?? null;
  }

  #hasRoom(account: SendgridAccount, mails: number, at: number): boolean {
    const { credits, trial } = this.#shared;
    return [credits, trial].every((window) => window.fits(accountName(account), mails, at));
  }

  #throttle(account: SendgridAccount, mailFrom: string | null): Reply {
    const { house, texts, credits, trial } = this.#shared;
    const reply = texts.say(noCredits);
    const at = house.clock.now();
    const name = accountName(account);
    const window = trial.limitAt(at, name) === null ? credits : trial;
    const about = { limit: window.about.what, amount: window.limitAt(at, name) ?? 0, mailFrom: mailFrom ?? "" };
    house.usage.throttles.add({ at, service: "sendgrid-smtp", account: name, ...about }, reply);
    return reply;
  }
}

function isVerified({ verifiedSenders }: SendgridAccount, address: string): boolean {
  return verifiedSenders.some((sender) =>
    sender.startsWith("@") ? sender.slice(1).toLowerCase() === domainOf(address) : canonicalAddress(sender) === canonicalAddress(address),
  );
}
