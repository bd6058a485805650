/** A question that cannot be answered: invalid as it stands, or too much at a time. */
export class QuestionRefused extends Error {
  override readonly name = "QuestionRefused";
  readonly reason: "invalid" | "busy";

  constructor(reason: "invalid" | "busy", message: string) {
    super(message);
    this.reason = reason;
  }
}
