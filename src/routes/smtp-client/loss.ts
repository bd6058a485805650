import { failure } from "../../mail/failure-codes.ts";
import type { Failure } from "../../mail/failure.ts";
import type { Outcome } from "../../mail/outcome.ts";
import type { Lost } from "./channel.ts";

/** A connection lost before the last byte of the content was sent: the next hop has nothing. */
export function lossFailure(lost: Lost): Failure {
  switch (lost.why) {
    case "closed":
      return failure("network.connection-lost", { text: `The connection to the next hop broke: ${lost.text}` });
    case "timeout":
      return failure("network.timeout", { text: `The next hop did not answer in time: ${lost.text}` });
    case "protocol":
      return failure("remote.protocol", { text: `The next hop did not speak SMTP properly: ${lost.text}` });
  }
}

/**
 * A connection lost between the last byte and its answer: the next hop may have the message.
 *
 * RFC 5321 §4.5.3.2.6 would have us send again; the queue decides by the route's traits.
 */
export function inDoubt(lost: Lost): Outcome {
  return {
    action: "delayed",
    failure: failure("route.answer-lost", { text: `No answer from the next hop, which may have taken the message: ${lost.text}` }),
    inDoubt: true,
  };
}
