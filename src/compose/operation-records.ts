import type { OperationRecord, OperationRecords } from "../ingress/acs/operation-record.ts";
import type { Archive, TraceRecord } from "../queue/archive.ts";

/** Messages looked at that have one Message-ID. */
const most = 5;

/** Messages looked through at once. */
const mostOfOneDay = 20_000;

/** Operations of HTTP doors, looked up in the queue and its history. */
export function operationRecords(archive: Pick<Archive, "trace" | "find">): OperationRecords {
  const byId = async (id: number): Promise<OperationRecord | null> => {
    const record = await archive.trace(id);
    return record === null ? null : recordOf(record);
  };
  return {
    byId,
    async byEnding(ending, since) {
      const found = await archive.find({ since, limit: mostOfOneDay });
      if (found.length === mostOfOneDay) return null;
      // Newest first, so that of several with one Message-ID the oldest stays: that is the operation, whatever came later under its name.
      return new Map(
        found.filter(({ messageIdField }) => messageIdField.endsWith(ending)).map(({ id, messageIdField }) => [messageIdField, id]),
      );
    },
    async byMessageId(messageIdField, since) {
      const found = await archive.find({ messageIdField, limit: most, ...(since === undefined ? {} : { since }) });
      const records = await Promise.all(found.map(({ id }) => byId(id)));
      return records.filter((record) => record !== null);
    },
  };
}

function recordOf({ id, principal, origin, receivedAt, recipients }: TraceRecord): OperationRecord {
  return {
    id,
    principal,
    door: origin.door,
    ...(origin.request === undefined ? {} : { request: origin.request }),
    receivedAt,
    recipients: recipients.map(({ address, state, lastFailure }) => ({
      address,
      state,
      ...(lastFailure === undefined ? {} : { failure: { code: lastFailure.code, text: lastFailure.text } }),
    })),
  };
}
