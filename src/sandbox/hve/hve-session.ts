import { canonicalAddress, domainOf } from "../../mail/address.ts";
import type { Envelope } from "../../mail/envelope.ts";
import type { Reply } from "../../mail/reply.ts";
import type { Answer, Credentials, MailCommand, RcptCommand } from "../../wire/smtp/server/handler.ts";
import { authorsOf, queuedReply } from "../exo/client-submission.ts";
import { editHeader } from "../smtp/header-edit.ts";
import type { ArrivedMessage, RoomSession, Taken } from "../smtp/room.ts";
import { equalSecrets } from "../entra/equal-secrets.ts";
import { findApplication, findHveAccount, findMailbox, isAcceptedDomain } from "../tenant/directory.ts";
import type { HveAccount } from "../tenant/tenant.ts";
import type { TokenClaims } from "../entra/token-check.ts";
import { hve } from "../../services/hve.ts";
import type { HveShared } from "./hve.ts";

const unsuccessful = "535 5.7.3 Authentication unsuccessful [[host]]";
const notAllowed =
  "535 5.7.139 Authentication unsuccessful, the organization configuration does not allow this authentication request. [[host] [date]]";
/** A token with less life than this is refused before it runs out; how much is not published. */
const soonSeconds = 300;

/** One client of High Volume Email. */
export class HveSession implements RoomSession {
  readonly #shared: HveShared;
  /** Who has logged in: an HVE account, or a mailbox, which learns later that it may not send here. */
  #account = "";

  constructor(shared: HveShared) {
    this.#shared = shared;
  }

  authenticate(credentials: Credentials): Answer {
    return credentials.mechanism === "XOAUTH2"
      ? this.#byToken(credentials.user, credentials.token)
      : this.#byPassword(credentials.user, credentials.password);
  }

  mail({ reversePath }: MailCommand): Answer {
    const { texts, house } = this.#shared;
    const account = this.#hveAccount();
    // MC1243552: it costs since 2026-06-01; before that there were no such policies.
    const billed =
      hve.facts["billing-policy"] !== undefined && house.published.find(hve.facts["billing-policy"], house.clock.now()) !== null;
    if (billed && account !== null && account.billingPolicyStatus !== "BillingPolicyValid")
      return texts.unverified("hve-billing", { status: account.billingPolicyStatus });
    return this.#isAccount(reversePath) ? null : texts.unverified("hve-not-the-account", { account: this.#account });
  }

  rcpt({ address }: RcptCommand, before: readonly string[]): Answer {
    const { texts, house } = this.#shared;
    if (before.length >= house.published.limit(hve.profile.maxRecipients, house.clock.now()))
      return texts.unverified("hve-too-many-recipients");
    return house.options.rooms.hve.refuseExternalAt === "rcpt" && this.#isForbidden(address)
      ? texts.unverified("hve-external-recipient", { address })
      : null;
  }

  async take({ envelope, content, client }: ArrivedMessage): Promise<Taken | Reply> {
    const { house, hostname, texts } = this.#shared;
    const account = this.#hveAccount();
    if (account === null) return texts.unverified("hve-no-hve-account", { account: this.#account });
    if (content.size > house.published.limit(hve.profile.maxSize, house.clock.now())) return texts.unverified("hve-too-large");
    if (authorsOf(content).some((author) => !this.#isAccount(author)))
      return texts.unverified("hve-from-not-the-account", { account: this.#account });
    const outside = envelope.recipients.find(({ address }) => this.#isForbidden(address));
    if (outside !== undefined) return texts.unverified("hve-external-recipient", { address: outside.address });
    const refused = this.#quotaRefusal(envelope);
    if (refused !== null) return refused;
    const forced = account.replyTo;
    const sent =
      forced === null ? content : await editHeader(house.messages, content, { remove: ["reply-to"], add: `Reply-To: ${forced}\r\n` });
    try {
      const kept = await house.post.take({ service: "hve", account: this.#account, envelope, client, hostname }, sent);
      if (sent !== content) await content.abort();
      return { id: kept.id, reply: queuedReply(kept, hostname) };
    } catch (error) {
      if (sent !== content) await sent.abort();
      throw error;
    }
  }

  /** Counts the recipients for the tenant, or says that the day's are used up. */
  #quotaRefusal({ reversePath, recipients: addressed }: Envelope): Reply | null {
    const { house, texts, recipients, external } = this.#shared;
    const { usage, tenantLimits, clock } = house;
    const { account } = tenantLimits;
    const at = usage.momentOf(clock.now());
    const outside = addressed.filter(({ address }) => this.#isExternal(address)).length;
    const uses = [
      { window: recipients, units: addressed.length },
      { window: external, units: outside },
    ].filter(({ units }) => units > 0);
    const full = uses.find(({ window, units }) => !window.fits(account, units, at))?.window;
    if (full === undefined) {
      for (const { window, units } of uses) window.add(account, units, at);
      return null;
    }
    const reply = texts.unverified("hve-quota");
    const amount = full.limitAt(at, account) ?? 0;
    usage.throttles.add({ at, service: "hve", account, limit: full.about.what, amount, mailFrom: reversePath ?? "" }, reply);
    return reply;
  }

  #byPassword(user: string, password: string): Answer {
    const { texts, house } = this.#shared;
    const tenant = house.tenant.current;
    const account = findHveAccount(tenant, user) ?? findMailbox(tenant, user);
    if (account === null || account.password === null || !equalSecrets(password, account.password)) return texts.say(unsuccessful);
    // SmtpClientAuthenticationDisabled does not concern this endpoint.
    if (tenant.policies.securityDefaults || account.allowBasicAuthSmtp === false) return texts.say(notAllowed);
    // Blog 4411197: until September 2028.
    if (!house.published.value(hve.profile.sasl, house.clock.now()).includes("LOGIN")) return texts.unverified("hve-basic-ended");
    this.#account = account.address;
    return null;
  }

  async #byToken(user: string, token: string): Promise<Reply | null> {
    const { texts, house } = this.#shared;
    const checked = await house.entra.check(token, "exchange");
    if (!checked.ok) return texts.say(checked.why === "expired" ? "535 5.7.143 Expired token" : unsuccessful);
    const { claims } = checked;
    const tenant = house.tenant.current;
    const account = findHveAccount(tenant, user) ?? findMailbox(tenant, user);
    if (account === null || claims.tid !== tenant.id) return texts.say(unsuccessful);
    // The life of tokens is wall time.
    if (claims.exp * 1000 < Date.now() + soonSeconds * 1000) return texts.say("535 5.7.142 Token will expire soon");
    if (!mayMail(claims)) return texts.say("535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions");
    const allowed = "allowedApps" in account ? account.allowedApps : null;
    const app = findApplication(tenant, claims.appid)?.objectId.toLowerCase();
    if (allowed !== null && !allowed.some((objectId) => objectId.toLowerCase() === app))
      return texts.say("550 5.7.240 The application is not allowed for use with this High Volume Email account");
    this.#account = account.address;
    return null;
  }

  #hveAccount(): HveAccount | null {
    return findHveAccount(this.#shared.house.tenant.current, this.#account);
  }

  #isAccount(address: string | null): boolean {
    return address !== null && canonicalAddress(address) === canonicalAddress(this.#account);
  }

  /** Outside, and that is not taken on this day. */
  #isForbidden(address: string): boolean {
    const { published, clock } = this.#shared.house;
    return this.#isExternal(address) && !published.value(hve.profile.external, clock.now());
  }

  #isExternal(address: string): boolean {
    return !isAcceptedDomain(this.#shared.house.tenant.current, domainOf(address));
  }
}

/** `Mail.Send` of Office 365 Exchange Online, of the application or of a user. */
function mayMail({ roles, scp, upn }: TokenClaims): boolean {
  return (upn === null ? roles : scp).includes("Mail.Send");
}
