import { canonicalAddress, domainOf, localPartOf } from "../../mail/address.ts";
import type { Reply } from "../../mail/reply.ts";
import type { Answer, Credentials, MailCommand } from "../../wire/smtp/server/handler.ts";
import { authorsOf, queuedReply } from "../exo/client-submission.ts";
import type { ArrivedMessage, RoomSession, Taken } from "../smtp/room.ts";
import type { AcsDomain, AcsResource, Tenant } from "../tenant/tenant.ts";
import { acsSmtp as service } from "../../services/acs-smtp.ts";
import type { UsageWindow } from "../usage/usage-window.ts";
import type { AcsSmtpShared } from "./acs-smtp.ts";

const unsuccessful = "535 5.7.3 Authentication unsuccessful";

/** Who logs in: an application that may use a resource. */
interface Login {
  readonly resource: AcsResource;
  readonly clientId: string;
}

/** One client of ACS SMTP. */
export class AcsSmtpSession implements RoomSession {
  readonly #shared: AcsSmtpShared;
  #user = "";
  #resource = "";
  /** The subscription whose connection it is; null: not logged in. */
  #subscription: string | null = null;
  #over = false;

  constructor(shared: AcsSmtpShared) {
    this.#shared = shared;
  }

  authenticate(credentials: Credentials): Answer {
    const { texts, house } = this.#shared;
    // MS retirement guide: in force from 2028-09-30.
    const { retirement } = service.facts;
    if (retirement !== undefined && house.published.find(retirement, house.clock.now()) !== null) return texts.unverified("acs-retired");
    const tenant = house.tenant.current;
    const login = findLogin(tenant, credentials.user);
    if (login === null) return texts.say(unsuccessful);
    if (credentials.mechanism === "XOAUTH2") return this.#byToken(login, credentials.user, credentials.token);
    return house.entra.clientSecretIsValid(login.clientId, tenant.id, credentials.password)
      ? this.#admit(login, credentials.user)
      : texts.say(unsuccessful);
  }

  mail({ reversePath }: MailCommand): Answer {
    const address = reversePath ?? "";
    return this.#domainOf(address) === null ? this.#shared.texts.unverified("acs-sender", { address: reversePath ?? "<>" }) : null;
  }

  rcpt(_command: unknown, before: readonly string[]): Answer {
    const { published, clock } = this.#shared.house;
    const limit = published.limit(service.profile.maxRecipients, clock.now());
    return before.length >= limit ? this.#shared.texts.unverified("acs-too-many-recipients") : null;
  }

  async take({ envelope, content, client }: ArrivedMessage): Promise<Taken | Reply> {
    const { house, texts, hostname, custom, managed } = this.#shared;
    const domain = this.#domainOf(envelope.reversePath ?? "");
    if (domain === null || this.#subscription === null) return texts.unverified("acs-sender", { address: envelope.reversePath ?? "<>" });
    const now = house.clock.now();
    const quotas = domain.managed ? managed : custom;
    const subscription = this.#subscription;
    const at = house.usage.momentOf(now);
    const momentOf = ({ about }: UsageWindow): number => (about.ms < hour ? now : at);
    const full = quotas.find((quota) => !quota.fits(subscription, 1, momentOf(quota)));
    // MS "Service limits": rejected, not queued, and attempts count, those that are rejected too.
    for (const quota of quotas) quota.add(subscription, 1, momentOf(quota));
    if (full !== undefined) {
      const { what, ms } = full.about;
      const limit = `${what}-per-${ms === hour ? "hour" : "minute"}`;
      return this.#throttle(subscription, limit, full.limitAt(at, subscription), envelope.reversePath, texts.unverified("acs-throttled"));
    }
    if (content.size > house.published.limit(service.profile.maxSize, now)) return texts.unverified("acs-too-large");
    const stranger = authorsOf(content).find((author) => this.#domainOf(author) === null);
    if (stranger !== undefined) return texts.unverified("acs-sender", { address: stranger });
    const kept = await house.post.take({ service: "acs-smtp", account: this.#user, envelope, client, hostname }, content);
    return { id: kept.id, reply: queuedReply(kept, hostname) };
  }

  closed(): void {
    this.#over = true;
    this.#giveBack();
  }

  #giveBack(): void {
    if (this.#subscription !== null) this.#shared.connections.giveBack(this.#subscription);
    this.#subscription = null;
  }

  async #byToken(login: Login, user: string, token: string): Promise<Reply | null> {
    const { house, texts } = this.#shared;
    const checked = await house.entra.check(token, "acs");
    const isIts =
      checked.ok &&
      checked.claims.tid === house.tenant.current.id &&
      checked.claims.upn === null &&
      checked.claims.appid.toLowerCase() === login.clientId.toLowerCase();
    return isIts ? this.#admit(login, user) : texts.say(unsuccessful);
  }

  #admit({ resource, clientId }: Login, user: string): Reply | null {
    const { texts, connections } = this.#shared;
    if (!resource.roleAssignments.some((each) => each.toLowerCase() === clientId.toLowerCase())) return texts.say(unsuccessful);
    this.#giveBack();
    // Who left while his token was looked at takes no place: nobody would give it back.
    const now = this.#shared.house.clock.now();
    if (this.#over || !connections.take(resource.subscription, now))
      return this.#throttle(
        resource.subscription,
        "connections",
        connections.limitAt(now),
        null,
        texts.unverified("acs-too-many-connections"),
      );
    this.#user = user;
    this.#resource = resource.name;
    this.#subscription = resource.subscription;
    return null;
  }

  #throttle(account: string, limit: string, amount: number | null, mailFrom: string | null, reply: Reply): Reply {
    const { usage, clock } = this.#shared.house;
    const about = { at: clock.now(), service: "acs-smtp", account, limit, amount: amount ?? 0, mailFrom: mailFrom ?? "" };
    usage.throttles.add(about, reply);
    return reply;
  }

  /** The domain whose configured sender this is; null: it is nobody. */
  #domainOf(address: string): AcsDomain | null {
    const resource = this.#shared.house.tenant.current.acs.find(({ name }) => name === this.#resource);
    const local = canonicalAddress(localPartOf(address));
    const domain = resource?.domains.find(({ name }) => name.toLowerCase() === domainOf(address));
    const isSender =
      domain !== undefined && domain.linked && domain.verified && domain.senders.some((each) => canonicalAddress(each) === local);
    return isSender ? domain : null;
  }
}

const hour = 3_600_000;

/** `resource.application.tenant`, the same with `|`, or an SMTP user name. */
function findLogin(tenant: Tenant, user: string): Login | null {
  const wanted = user.toLowerCase();
  for (const resource of tenant.acs) {
    const named = resource.smtpUsernames.find(({ username }) => username.toLowerCase() === wanted);
    if (named !== undefined) return { resource, clientId: named.clientId };
  }
  // A resource's name holds neither separator.
  const [name, clientId, tenantId, ...more] = wanted.split(wanted.includes("|") ? "|" : ".");
  const resource = tenant.acs.find((each) => each.name.toLowerCase() === name);
  if (resource === undefined || clientId === undefined || tenantId !== tenant.id.toLowerCase() || more.length > 0) return null;
  return { resource, clientId };
}
