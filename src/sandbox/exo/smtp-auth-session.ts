import { canonicalAddress, domainOf } from "../../mail/address.ts";
import type { Envelope } from "../../mail/envelope.ts";
import type { Reply } from "../../mail/reply.ts";
import type { Answer, Credentials, MailCommand } from "../../wire/smtp/server/handler.ts";
import { smtpAuth } from "../../services/smtp-auth.ts";
import { equalSecrets } from "../entra/equal-secrets.ts";
import type { ArrivedMessage, RoomClient, RoomSession, Taken } from "../smtp/room.ts";
import { findApplication, findMailbox, isAcceptedDomain } from "../tenant/directory.ts";
import type { Mailbox } from "../tenant/tenant.ts";
import type { TokenClaims } from "../entra/token-check.ts";
import { basicAuthOf } from "./basic-auth.ts";
import { authorsOf, queuedReply } from "./client-submission.ts";
import type { SmtpAuthShared } from "./smtp-auth.ts";

const unsuccessful = "535 5.7.3 Authentication unsuccessful [[host]]";
const unsuccessful139 = "535 5.7.139 Authentication unsuccessful, ";
const full = "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiException(Shutoff)QuotaExceeded [[host]]";
const federationFaults = {
  unreachable: "federated STS service was unreachable.",
  "not-https": "the federated STS URL does not support HTTPS.",
} as const;
const tail = " [[host] [date]]";
const blocked = "550 5.1.8 Access denied, bad outbound sender";
/** MS: at submission, and in a notification; which of them when is not published. */
const submissionFull = "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException [[host]]";
const dayFull = "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients";

/** One client of smtp.office365.com. The mailbox is looked up each time: a switch that is thrown holds at once. */
export class SmtpAuthSession implements RoomSession {
  readonly #shared: SmtpAuthShared;
  readonly #client: RoomClient;
  /** Primary address of the mailbox that has logged in; the session lets nobody send before. */
  #account = "";
  /** It is one of the mailbox's connections. */
  #counted = false;
  #over = false;

  constructor(shared: SmtpAuthShared, client: RoomClient) {
    this.#shared = shared;
    this.#client = client;
  }

  hello(): Reply | null {
    if (!this.#isLegacyTls()) return null;
    const { serverName } = this.#client;
    // Only the endpoint of its own takes them; whether the tenant allows it is seen when the log-in says whose mailbox it is.
    if (serverName.startsWith("smtp-legacy.")) return null;
    return this.#shared.texts.say(
      "421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2. Visit https://aka.ms/smtp_auth_tls. [[host]]",
    );
  }

  authenticate(credentials: Credentials): Answer {
    return credentials.mechanism === "XOAUTH2"
      ? this.#byToken(credentials.user, credentials.token)
      : this.#byPassword(credentials.user, credentials.password);
  }

  mail({ reversePath, size }: MailCommand): Answer {
    const { texts, connections, outbound, sendAsDenied, house } = this.#shared;
    const now = house.clock.now();
    // At which command the fourth connection hears it is unverified: a log-in that succeeds and a refusal at MAIL.
    this.#counted ||= connections.take(this.#account, now);
    if (!this.#counted)
      return this.#throttle(
        connections.name.what,
        connections.limitAt(now),
        reversePath,
        texts.say(
          "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [[host]]",
        ),
      );
    const mailbox = this.#mailbox();
    if (mailbox === null) return texts.say(unsuccessful);
    if (mailbox.senderBlocked || outbound.isBlocked(this.#account, now)) return texts.say(blocked);
    if (!sendAsDenied.fits(this.#account, 1, now))
      return this.#throttle(
        sendAsDenied.about.what,
        sendAsDenied.limitAt(now, this.#account),
        reversePath,
        texts.say("550 5.2.252 Sender throttled due to continuous send as denied errors"),
      );
    // The null reverse-path is nobody's either (unverified).
    if (reversePath === null || !maySendAs(mailbox, reversePath)) {
      sendAsDenied.add(this.#account, 1, now);
      return texts.say("550 5.7.60 SMTP; Client does not have permissions to send as this sender [[host]]");
    }
    return size !== undefined && size > this.#maxSizeOf(mailbox, now) ? texts.unverified("smtp-auth-too-large") : null;
  }

  rcpt(_command: unknown, before: readonly string[]): Answer {
    const now = this.#shared.house.clock.now();
    const limit = this.#mailbox()?.recipientLimit ?? this.#shared.house.published.limit(smtpAuth.profile.maxRecipients, now);
    return before.length >= limit ? this.#shared.texts.unverified("smtp-auth-too-many-recipients") : null;
  }

  async take({ envelope, content, client }: ArrivedMessage): Promise<Taken | Reply> {
    const { house, texts, hostname, sendAsDenied, pace } = this.#shared;
    const mailbox = this.#mailbox();
    if (mailbox === null) return texts.say(unsuccessful);
    const now = house.clock.now();
    if (content.size > this.#maxSizeOf(mailbox, now)) return texts.unverified("smtp-auth-too-large");
    const stranger = authorsOf(content).find((author) => !maySendAs(mailbox, author));
    if (stranger !== undefined) {
      sendAsDenied.add(this.#account, 1, now);
      return texts.say(
        "554 5.2.252 SendAsDenied; [account] not allowed to send as [address]; STOREDRV.Submission.Exception:SendAsDeniedException [[host]]",
        { account: this.#account, address: stranger },
      );
    }
    if (mailbox.full) return texts.say(full);
    const quota = this.#quota(envelope, now);
    if (typeof quota !== "string" && quota !== null) return quota;
    const goesOnAt = pace.next(this.#account, now);
    if (goesOnAt > now) this.#throttle("messages", pace.most(now), envelope.reversePath, null, goesOnAt - now);
    const kept = await house.post.take(
      {
        service: "smtp-auth",
        account: this.#account,
        envelope,
        client,
        hostname,
        obstacle: quota,
        countedForTenant: house.options.limits.refuseTenantAt === "data",
        ...(goesOnAt > now ? { notBefore: goesOnAt } : {}),
      },
      content,
    );
    return { id: kept.id, reply: queuedReply(kept, hostname) };
  }

  /** The mailbox's day, then the tenant's. null: it is counted, and goes; a text: it is taken, and comes back with it. */
  #quota({ reversePath, recipients: addressed }: Envelope, now: number): Reply | string | null {
    const { house, texts, recipients, externalRecipients, outbound, messages } = this.#shared;
    const { usage, options, tenantLimits } = house;
    const at = usage.momentOf(now);
    const units = addressed.length;
    const external = addressed.filter(({ address }) => !isAcceptedDomain(house.tenant.current, domainOf(address))).length;
    const full = !recipients.fits(this.#account, units, at)
      ? recipients
      : external > 0 && !externalRecipients.fits(this.#account, external, at)
        ? externalRecipients
        : null;
    if (full !== null) {
      const { what } = full.about;
      const limit = full.limitAt(at, this.#account);
      return options.limits.refuseMailboxAt === "data"
        ? this.#throttle(what, limit, reversePath, texts.say(submissionFull))
        : this.#throttle(what, limit, reversePath, dayFull);
    }
    const policy = outbound.take(this.#account, { external, internal: units - external }, at);
    if (policy !== null) return this.#throttle(policy.about.what, policy.limitAt(at, this.#account), reversePath, texts.say(blocked));
    const refused = options.limits.refuseTenantAt === "data" ? tenantLimits.take(reversePath ?? "", external, at) : null;
    if (refused !== null) return texts.say(refused);
    recipients.add(this.#account, units, at);
    if (external > 0) externalRecipients.add(this.#account, external, at);
    messages.add(this.#account, 1, now);
    return null;
  }

  #throttle<R extends Reply | string | null>(
    limit: string,
    amount: number | null,
    mailFrom: string | null,
    reply: R,
    delayMs: number | null = null,
  ): R {
    const { usage, clock } = this.#shared.house;
    const about = { at: clock.now(), service: "smtp-auth", account: this.#account, limit, amount: amount ?? 0, mailFrom: mailFrom ?? "" };
    usage.throttles.add({ ...about, delayMs }, reply);
    return reply;
  }

  closed(): void {
    this.#over = true;
    this.#release();
  }

  #mailbox(): Mailbox | null {
    return findMailbox(this.#shared.house.tenant.current, this.#account);
  }

  #byPassword(user: string, password: string): Answer {
    const { texts, house } = this.#shared;
    const mailbox = findMailbox(house.tenant.current, user);
    // The order of these refusals is unverified: whoever knows the password learns what is switched off, nobody else does.
    if (mailbox === null || mailbox.password === null) return texts.say(unsuccessful);
    // The federation server is who knows the password.
    if (mailbox.federation !== null) return texts.say(`${unsuccessful139}${federationFaults[mailbox.federation]}${tail}`);
    if (!equalSecrets(password, mailbox.password) || mailbox.mfa)
      return texts.say(`${unsuccessful139}the user credentials were incorrect.${tail}`);
    return this.#closedTo(mailbox) ?? this.#basicRefused(mailbox) ?? this.#admit(mailbox);
  }

  async #byToken(user: string, token: string): Promise<Reply | null> {
    const { texts, house } = this.#shared;
    const checked = await house.entra.check(token, "exchange");
    const mailbox = findMailbox(house.tenant.current, user);
    if (!checked.ok || mailbox === null || !this.#mayUse(checked.claims, mailbox)) return texts.say(unsuccessful);
    return this.#closedTo(mailbox) ?? this.#admit(mailbox);
  }

  /** Whether a token opens this mailbox; every defect looks alike from outside (535 5.7.3). */
  #mayUse({ tid, appid, oid, roles, scp, upn }: TokenClaims, mailbox: Mailbox): boolean {
    const tenant = this.#shared.house.tenant.current;
    if (tid !== tenant.id) return false;
    if (upn === null) {
      // New-ServicePrincipal with the object id of the enterprise application, and Add-MailboxPermission for it.
      const application = findApplication(tenant, appid);
      return (
        roles.includes("SMTP.SendAsApp") &&
        application?.registeredInExchange === true &&
        application.objectId === oid &&
        mailbox.fullAccess.includes(oid)
      );
    }
    const own = findMailbox(tenant, upn);
    return scp.includes("SMTP.Send") && own !== null && (own === mailbox || own.sendAs.some((each) => isOf(mailbox, each)));
  }

  /** What keeps everybody out of it, however they log in. */
  #closedTo(mailbox: Mailbox): Reply | null {
    const { texts, house } = this.#shared;
    if (mailbox.kind === "user" && !mailbox.licensed) return texts.unverified("smtp-auth-unlicensed");
    if (this.#isLegacyTls() && !house.tenant.current.policies.allowLegacyTlsClients) return texts.unverified("smtp-auth-legacy-tls-tenant");
    return this.#switchedOff(mailbox);
  }

  #isLegacyTls(): boolean {
    return this.#client.tls === "TLSv1" || this.#client.tls === "TLSv1.1";
  }

  #switchedOff({ smtpClientAuthenticationDisabled: own }: Mailbox): Reply | null {
    const { texts, house } = this.#shared;
    const tenantWide = house.tenant.current.policies.smtpClientAuthenticationDisabled;
    if (!(own ?? tenantWide)) return null;
    const whose = own === true ? "Mailbox" : "Tenant";
    return texts.say(
      `${unsuccessful139}SmtpClientAuthentication is disabled for the ${whose}. Visit https://aka.ms/smtp_auth_disabled for more information.${tail}`,
    );
  }

  #basicRefused({ allowBasicAuthSmtp }: Mailbox): Reply | null {
    const { texts, house } = this.#shared;
    const tenant = house.tenant.current;
    if (tenant.policies.securityDefaults)
      return texts.say(`${unsuccessful139}user is locked by your organization's security defaults policy.${tail}`);
    if (allowBasicAuthSmtp === false)
      return texts.say(`${unsuccessful139}the organization configuration does not allow this authentication request.${tail}`);
    switch (basicAuthOf(tenant, new Date(house.clock.now()).toISOString().slice(0, 10))) {
      case "accepted":
        return null;
      case "off-by-default":
        return texts.unverified("smtp-auth-basic-off");
      case "unavailable":
        return texts.unverified("smtp-auth-basic-new-tenant");
    }
  }

  #admit({ address }: Mailbox): null {
    this.#release();
    this.#account = address;
    // Who left while his token was looked at takes no place: nobody would give it back.
    const { connections, house } = this.#shared;
    this.#counted = !this.#over && connections.take(address, house.clock.now());
    return null;
  }

  /** Octets: 35 MB unless the mailbox has a limit of its own. */
  #maxSizeOf({ maxSendSize }: Mailbox, now: number): number {
    return maxSendSize ?? this.#shared.house.published.limit(smtpAuth.profile.maxSize, now);
  }

  #release(): void {
    if (this.#counted) this.#shared.connections.giveBack(this.#account);
    this.#counted = false;
  }
}

function isOf(mailbox: Mailbox, address: string): boolean {
  const wanted = canonicalAddress(address);
  return [mailbox.address, ...mailbox.aliases].some((each) => canonicalAddress(each) === wanted);
}

function maySendAs(mailbox: Mailbox, address: string): boolean {
  return isOf(mailbox, address) || mailbox.sendAs.some((each) => canonicalAddress(each) === canonicalAddress(address));
}
