/** One entry of the body `{"errors":[…]}` that SendGrid's v3 API answers with. */
export interface ApiError {
  readonly message: string;
  /** Path into the request: `personalizations.0.to.0.email`; null: of the request as a whole. */
  readonly field: string | null;
  readonly help: string | null;
}

export interface ApiErrorBody {
  readonly errors: readonly ApiError[];
}

/** Told at most; a request can have a fault in each of thousands of entries. */
const maxErrors = 100;

/** Gathers what is wrong with a request, so that a client learns of all of it at once. */
export class ApiErrors {
  readonly list: ApiError[] = [];

  add(field: string | null, message: string): void {
    if (this.list.length < maxErrors) this.list.push(apiError(field, message));
  }

  get none(): boolean {
    return this.list.length === 0;
  }
}

/** Thrown by the readers when there are faults. */
export class ApiRefusal extends Error {
  override readonly name = "ApiRefusal";
  readonly errors: readonly ApiError[];

  constructor(errors: readonly ApiError[]) {
    super(errors[0]?.message ?? "");
    this.errors = errors;
  }
}

export function apiError(field: string | null, message: string): ApiError {
  return { message, field, help: field === null ? null : `${errorsPage}#message.${anchorOf(field)}` };
}

const errorsPage = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html";

/** The page has one anchor for all entries of a list, and one for an address with its name. */
function anchorOf(field: string): string {
  return field.replace(/\.\d+/g, "").replace(/\.(?:email|name)$/, "");
}
