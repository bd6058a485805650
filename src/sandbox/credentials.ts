/**
 * The sandbox's credentials: fixed and public, in the manner of Azurite. They open nothing but a sandbox on loopback; they are printed,
 * documented and committed on purpose. Each room that learns to ask for one adds it here, and nowhere else.
 */
export const credentials = {
  /** The tenant of the demo; a made-up GUID. */
  tenantId: "5a9db0c5-0000-4000-8000-c0070c0e0000",
} as const;
