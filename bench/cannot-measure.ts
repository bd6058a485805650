/** The measurement itself did not work; says nothing about how fast anybody is. */
export class CannotMeasure extends Error {
  override readonly name = "CannotMeasure";
}
