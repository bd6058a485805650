/** What operators want to know of the pickup folders; as the SMTP door tells it. */
export interface PickupLog {
  listening(listener: string, folder: string, port: 0): void;
  accepted(file: PickupFacts, id: number, size: number): void;
  /** It was moved aside, or waits for another try. `code` is of mail/failure-codes.ts. */
  refused(file: PickupFacts, code: string, text: string): void;
  fault(file: PickupFacts, error: unknown): void;
}

export interface PickupFacts {
  readonly listenerName: string;
  /** A file has none. */
  readonly address: string;
  readonly port: number;
  /** The file's name; empty: the folder as a whole. */
  readonly clientName: string;
  readonly principalName: string;
  readonly tls: string;
}
