import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";

/** An SMTP server that somebody else wrote, which keeps what it gets: the judge of our client. */
export async function startForeignSmtpServer(options: SMTPServerOptions = {}): Promise<ForeignSmtpServer> {
  const contents: Buffer[] = [];
  const envelopes: { from: string; to: string[]; user: string | undefined }[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    logger: false,
    size: 10_000_000,
    disabledCommands: options.key === undefined ? ["STARTTLS"] : [],
    onData(stream, session, done) {
      const pieces: Buffer[] = [];
      stream.on("data", (piece: Buffer) => pieces.push(piece));
      stream.on("end", () => {
        contents.push(Buffer.concat(pieces));
        const from = session.envelope.mailFrom;
        envelopes.push({
          from: from === false ? "" : from.address,
          to: session.envelope.rcptTo.map((recipient) => recipient.address),
          user: session.user,
        });
        done();
      });
    },
    ...options,
  });
  server.on("error", () => undefined);
  const listener = server.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    port: (listener.address() as AddressInfo).port,
    contents,
    envelopes,
    async [Symbol.asyncDispose]() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      await promise;
    },
  };
}

export interface ForeignSmtpServer extends AsyncDisposable {
  readonly port: number;
  readonly contents: readonly Buffer[];
  readonly envelopes: readonly { readonly from: string; readonly to: readonly string[]; readonly user: string | undefined }[];
}
