import type { ServerExchange, ServerStep } from "./server-exchange.ts";
import { malformed, readText } from "./server-text.ts";

/**
 * LOGIN: never standardised (draft-murchison-sasl-login-00), spoken by nearly every device. The prompts are the ones that Exchange
 * sends, because some devices compare them. An initial response is the user name.
 */
export class ServerLogin implements ServerExchange {
  #user: string | null = null;
  #asked = false;

  step(response: Buffer | null): ServerStep {
    if (response === null && !this.#asked) {
      this.#asked = true;
      return { challenge: userPrompt };
    }
    const text = response === null ? "" : readText(response);
    if (text === null) return malformed;
    if (this.#user === null) {
      this.#asked = true;
      this.#user = text;
      return { challenge: passwordPrompt };
    }
    return { credentials: { mechanism: "LOGIN", user: this.#user, password: text } };
  }
}

const userPrompt = Buffer.from("Username:");
const passwordPrompt = Buffer.from("Password:");
