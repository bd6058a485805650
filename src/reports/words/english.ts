import type { DsnWords, Reason } from "./words.ts";

const retryLater = "Send the message again later. If it keeps happening, forward this notice to your IT help desk.";
const askHelpDesk = "Forward this notice to your IT help desk.";

/** Our side could not use a way out: the reader can only pass it on. */
const ourSide: Reason = {
  what: "Your organisation's mail system could not hand the message over to the next mail system.",
  todo: `There is nothing wrong with your message. ${askHelpDesk}`,
};
const ourLimit: Reason = {
  what: "Your organisation has sent as much mail as it may for now.",
  todo: retryLater,
};
const busyRecipient: Reason = {
  what: "The recipient's mailbox has received as much mail as it may in an hour.",
  todo: retryLater,
};
const notAllowedSender: Reason = {
  what: "The mail system may not send under the sender address of your message.",
  todo: askHelpDesk,
};
const noConnection: Reason = {
  what: "The receiving mail system could not be reached.",
  todo: "Check the part of the address behind the @ for typing errors. If it is right, send the message again later.",
};

/** The destination promises a protection that it does not keep: sending without would be what an attacker wants. */
const theirEncryption: Reason = {
  what: "The receiving mail system demands a protected connection, and does not provide one at the moment.",
  todo: "Tell the recipient by other means: the IT help desk there has to mend it. Then send the message again.",
};

export const english: DsnWords = {
  language: "en",
  senderName: "Mail Delivery",
  subject: { failure: "Undeliverable: ", delay: "Delayed: ", relayed: "Passed on: ", delivered: "Delivered: " },
  noSubject: "(no subject)",
  opening: {
    failure: {
      one: "Your message was NOT delivered to this recipient:",
      many: "Your message was NOT delivered to these recipients:",
    },
    delay: {
      one: "Your message has not been delivered yet to this recipient:",
      many: "Your message has not been delivered yet to these recipients:",
    },
    relayed: {
      one: "Your message was passed on for this recipient:",
      many: "Your message was passed on for these recipients:",
    },
    delivered: {
      one: "Your message was delivered to this recipient:",
      many: "Your message was delivered to these recipients:",
    },
  },
  closing: {
    failure: "We will not try again. If you need help, forward this notice to your IT help desk or to {who}.",
    delay:
      "You need not do anything: we keep trying until {until}. You will get another notice if we have to give up. Please do not send the message again.",
    relayed: "The next mail system does not send confirmations, so this is the last notice from us unless it returns the message.",
    delivered: "This is the last notice from us about this message for the recipient. It does not tell whether the message was read.",
  },
  relayed: "The next mail system has accepted the message. It does not tell whether it reached the mailbox.",
  delivered: "The receiving mail system reports that it has put the message into the mailbox.",
  expired: "We have tried for as long as we may, without success.",
  labels: {
    subject: "Subject:",
    sent: "Sent:",
    messageId: "Message-ID:",
    reason: "What happened:",
    advice: "What you can do:",
    reply: "The other mail system said:",
    technical: "For your IT help desk",
    queueId: "Message at {host}:",
    status: "Status:",
    host: "Next mail system:",
  },
  andMore: "… and {n} more; all of them are in the attached report",
  otherwise: {
    permanent: { what: "The message could not be passed on.", todo: askHelpDesk },
    temporary: { what: "The message could not be passed on at the moment.", todo: retryLater },
  },
  reasons: {
    "remote.no-such-recipient": {
      what: "The receiving mail system does not know this address.",
      todo: "Check the address for typing errors, or ask the recipient for the right one. Then send the message again.",
    },
    "remote.mailbox-full": {
      what: "The recipient's mailbox is full.",
      todo: "Tell the recipient by other means, and send the message again later.",
    },
    "remote.refused-recipient": {
      what: "The receiving mail system does not accept mail for this address.",
      todo: "Check the address for typing errors. If it is right, ask the recipient by other means.",
    },
    "remote.refused-sender": {
      what: "The next mail system does not accept mail from your address.",
      todo: askHelpDesk,
    },
    "remote.refused-message": {
      what: "The receiving mail system did not accept this message.",
      todo: "Its own words are below. They often name the cause, such as a forbidden attachment. If they do not help, forward this notice to your IT help desk.",
    },
    "remote.refused-by-policy": {
      what: "The rules of the receiving organisation do not allow this message.",
      todo: "Its own words are below. If they do not help, ask the recipient by other means, or forward this notice to your IT help desk.",
    },
    "remote.delayed": {
      what: "The receiving mail system asked us to try again later.",
      todo: retryLater,
    },
    "remote.throttled": {
      what: "The receiving mail system takes only a limited number of messages at a time.",
      todo: retryLater,
    },
    "remote.unavailable": {
      what: "The receiving mail system does not take mail at the moment.",
      todo: retryLater,
    },
    "remote.too-large": {
      what: "The message is larger than the receiving mail system accepts.",
      todo: "Send smaller attachments, or share the files by a link.",
    },
    "remote.no-8bitmime": {
      what: "The next mail system cannot take the message in the form in which your program wrote it.",
      todo: askHelpDesk,
    },
    "remote.no-smtputf8": {
      what: "The next mail system cannot take addresses with letters like these.",
      todo: "Ask the recipient for another address, one with plain letters only.",
    },
    "remote.protocol": {
      what: "The receiving mail system gave an answer that makes no sense.",
      todo: retryLater,
    },
    "route.auth-failed": ourSide,
    "route.auth-unavailable": ourSide,
    "route.auth-disabled-for-tenant": ourSide,
    "route.auth-disabled-for-mailbox": ourSide,
    "route.auth-security-defaults": ourSide,
    "route.auth-policy": ourSide,
    "route.auth-federation": ourSide,
    "route.auth-basic-removed": ourSide,
    "route.auth-app-not-allowed": ourSide,
    "route.auth-permission-missing": ourSide,
    "route.auth-token-expired": ourSide,
    "route.auth-not-hve-account": ourSide,
    "quota.mailbox": ourLimit,
    "quota.tenant": ourLimit,
    "quota.onmicrosoft": ourLimit,
    "quota.connections": ourLimit,
    "quota.subscription": ourLimit,
    "quota.credits": ourLimit,
    "quota.receiver": busyRecipient,
    "quota.receiver-from-sender": busyRecipient,
    "quota.sent-items": ourSide,
    "blocked.sender": ourSide,
    "blocked.tenant": ourSide,
    "blocked.address": ourSide,
    "relay.denied": ourSide,
    "relay.locked-down": ourSide,
    "relay.direct-send-rejected": ourSide,
    "relay.wrong-region": ourSide,
    "relay.starttls-needed": ourSide,
    "relay.outdated-server": ourSide,
    "sender.throttled": ourSide,
    "route.sender-not-allowed": notAllowedSender,
    "sender.send-as-denied": notAllowedSender,
    "sender.not-account": notAllowedSender,
    "sender.not-verified": notAllowedSender,
    "domain.unauthenticated": {
      what: "The receiving mail system could not verify that the message really comes from your organisation.",
      todo: askHelpDesk,
    },
    "route.tls-required": ourSide,
    "route.tls-failed": ourSide,
    "route.unavailable": ourSide,
    "route.write-failed": ourSide,
    "route.answer-lost": {
      what: "The connection broke while the message was being handed over, so the recipient may or may not have it.",
      todo: "Ask the recipient before you send the message again.",
    },
    "network.connect": noConnection,
    "network.connection-lost": noConnection,
    "network.timeout": noConnection,
    "network.blocked-address": ourSide,
    "dns.temporary": noConnection,
    "dns.no-such-domain": {
      what: "The part of the address behind the @ does not exist.",
      todo: "Check it for typing errors. Then send the message again.",
    },
    "dns.null-mx": {
      what: "The part of the address behind the @ takes no mail.",
      todo: "Check it for typing errors. Then send the message again.",
    },
    "dns.no-mail-server": {
      what: "The part of the address behind the @ has no mail system.",
      todo: "Check it for typing errors. Then send the message again.",
    },
    "dns.mx-loop": ourSide,
    "tls.not-offered": theirEncryption,
    "tls.certificate-expired": theirEncryption,
    "tls.tlsa-mismatch": theirEncryption,
    "tls.dnssec-invalid": theirEncryption,
    "tls.certificate-mismatch": theirEncryption,
    "tls.certificate-untrusted": theirEncryption,
    "mta-sts.server-not-listed": theirEncryption,
    "limits.quota-exceeded": {
      what: "A sending limit of your organisation is reached.",
      todo: "Send the message again later, to fewer recipients, or ask your IT help desk.",
    },
    "submission.route-refuses-sender": {
      what: "Your organisation's mail system may not send to this address in the name of this sender.",
      todo: askHelpDesk,
    },
    "submission.no-route": {
      what: "Your organisation's mail system has no way to send to this address.",
      todo: askHelpDesk,
    },
    "message.loop": {
      what: "The message went round in circles between mail systems.",
      todo: `There is nothing wrong with your message. ${askHelpDesk}`,
    },
    "message.expired": {
      what: "No mail system took the message.",
      todo: "Check the address for typing errors. If it is right, send the message again later, or ask your IT help desk.",
    },
    "message.cancelled": {
      what: "An administrator removed the message before it was sent.",
      todo: "Ask your IT help desk.",
    },
    "system.fault": ourSide,
  },
  formatTime,
};

const months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

/** `21 November 2026, 11:38 UTC` */
function formatTime(at: number): string {
  const date = new Date(at);
  const time = date.toISOString().slice(11, 16);
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()}, ${time} UTC`;
}
