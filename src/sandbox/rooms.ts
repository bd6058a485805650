import { tenantMx } from "./exo/tenant-mx.ts";
import { internetMx } from "./internet/internet-mx.ts";
import type { MakeRoom } from "./smtp/room.ts";

/** The rooms that exist. What is not here has no port, no name in `postern env` and no mail. */
export const rooms: readonly MakeRoom[] = [tenantMx, internetMx];
