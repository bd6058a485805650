import { acsSmtp } from "./acs/acs-smtp.ts";
import { hve } from "./hve/hve.ts";
import { onPremises } from "./on-premises/on-premises.ts";
import { sendgridSmtp } from "./sendgrid/sendgrid-smtp.ts";
import { tenantMx } from "./exo/tenant-mx.ts";
import { smtpAuth } from "./exo/smtp-auth.ts";
import { internetMx } from "./internet/internet-mx.ts";
import type { MakeRoom } from "./smtp/room.ts";

/** The rooms that exist. What is not here has no port, no name in `postern env` and no mail. */
export const rooms: readonly MakeRoom[] = [tenantMx, onPremises, internetMx, smtpAuth, hve, acsSmtp, sendgridSmtp];
