import type { ClientExchange } from "./client-exchange.ts";

/**
 * LOGIN, never standardised (draft-murchison-sasl-login-00): user, then password, each after a challenge whose words vary from server to
 * server and are not looked at. No initial response: Exchange takes one, others do not.
 */
export function loginExchange(user: string, password: string): ClientExchange {
  const answers = [user, password];
  return { mechanism: "LOGIN", initial: null, respond: () => answers.shift() ?? null };
}
