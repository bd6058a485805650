import type { FastifyInstance } from "fastify";

/** The bodies of an API's requests arrive as the bytes that were sent (a signature may cover them); other media types are refused (415). */
export function takeRawBodies(context: FastifyInstance, ...mediaTypes: readonly string[]): void {
  context.removeAllContentTypeParsers();
  context.addContentTypeParser<Buffer>([...mediaTypes], { parseAs: "buffer" }, (_request, body, done) => done(null, body));
}
