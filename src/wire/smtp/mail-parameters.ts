import type { MailCommand } from "./server/handler.ts";
import { isMailbox } from "./address.ts";
import { parseParameters, type ParameterFault } from "./parameters.ts";
import { decodePrintableXtext, decodeXtext } from "./xtext.ts";

/** Which extensions were offered: a parameter of one that was not is unknown. */
export interface OfferedParameters {
  readonly size: boolean;
  readonly eightBitMime: boolean;
  readonly smtpUtf8: boolean;
  readonly dsn: boolean;
  readonly auth: boolean;
}

/** Reads what stands behind the path of MAIL. RFC 5321 §4.1.1.11: an unknown parameter is refused with 555, never passed over. */
export function parseMailParameters(
  text: string,
  from: number,
  reversePath: string | null,
  offered: OfferedParameters,
): MailCommand | ParameterFault {
  const parameters = parseParameters(text, from);
  if (typeof parameters === "string") return parameters;
  const command: { -readonly [Key in keyof MailCommand]: MailCommand[Key] } = { reversePath };
  for (const { keyword, value } of parameters) {
    switch (keyword) {
      case "SIZE":
        if (!offered.size) return "unknownParameter";
        // RFC 1870 §3: up to 20 digits.
        if (value === null || !/^[0-9]{1,20}$/.test(value)) return "badParameter";
        command.size = Number(value);
        break;
      case "BODY": {
        if (!offered.eightBitMime) return "unknownParameter";
        const body = value?.toUpperCase();
        // RFC 6152 §2 knows these two; BINARYMIME (RFC 3030 §3) is not offered.
        if (body !== "7BIT" && body !== "8BITMIME") return "badParameter";
        command.body = body;
        break;
      }
      case "SMTPUTF8":
        if (!offered.smtpUtf8) return "unknownParameter";
        if (value !== null) return "badParameter";
        command.smtputf8 = true;
        break;
      case "RET": {
        if (!offered.dsn) return "unknownParameter";
        const ret = value?.toUpperCase();
        if (ret !== "FULL" && ret !== "HDRS") return "badParameter";
        command.ret = ret;
        break;
      }
      case "ENVID": {
        if (!offered.dsn) return "unknownParameter";
        // RFC 3461 §4.4: 100 characters at most.
        const envid = value === null || value.length > 100 ? null : decodePrintableXtext(value);
        if (envid === null) return "badParameter";
        command.envid = envid;
        break;
      }
      case "AUTH": {
        // RFC 4954 §5: xtext of a mailbox, or <>.
        if (!offered.auth) return "unknownParameter";
        const auth = value === null || value.length > 500 ? null : decodeXtext(value);
        if (auth === null || (auth !== "<>" && !isMailbox(auth, true))) return "badParameter";
        command.auth = auth;
        break;
      }
      default:
        return "unknownParameter";
    }
  }
  return command;
}
