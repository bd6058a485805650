import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { failure, failureCodes, type FailureCode } from "../../mail/failure-codes.ts";
import { parseEnhancedStatus } from "../../mail/status.ts";
import { formatReply, statusReply } from "./format-reply.ts";
import { renderFailure } from "./render.ts";
import { sessionReplies } from "./server/replies.ts";

suite("replies", () => {
  test("lines as RFC 5321 §4.2.1 has them", () => {
    assert.equal(formatReply({ code: 250, lines: ["one"] }), "250 one\r\n");
    assert.equal(formatReply({ code: 250, lines: [] }), "250 \r\n");
    assert.equal(formatReply(statusReply(550, "5.7.1", "one", "two")), "550-5.7.1 one\r\n550 5.7.1 two\r\n");
  });

  test("no text begins a line of its own", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary-ascii" }), { minLength: 1, maxLength: 5 }), (lines) => {
        const formatted = formatReply({ code: 250, lines });
        assert.equal(formatted.split("\r\n").length, lines.length + 1);
        // oxlint-disable-next-line no-control-regex -- what must not be there
        assert.doesNotMatch(formatted.replaceAll("\r\n", ""), /[\u0000-\u001f\u007f]/);
      }),
    );
  });

  test("every failure renders: class of the code and of the status agree, the status is the failure's own", () => {
    for (const code of Object.keys(failureCodes) as FailureCode[]) {
      for (const permanent of [true, false]) {
        const reply = renderFailure(failure(code, { permanent }));
        const status = parseEnhancedStatus(reply.lines[0] ?? "");
        assert.equal(Math.floor(reply.code / 100), permanent ? 5 : 4, code);
        assert.deepEqual(status, { class: permanent ? 5 : 4, detail: failureCodes[code].detail, rest: failureCodes[code].text }, code);
      }
    }
  });

  test("the codes that RFCs name", () => {
    const expected: Partial<Record<FailureCode, string>> = {
      "submission.unauthenticated": "530 5.7.0",
      "submission.tls-required": "530 5.7.0",
      "submission.bad-credentials": "535 5.7.8",
      "submission.locked-out": "454 4.7.0",
      "submission.reverse-path-not-allowed": "550 5.7.1",
      "submission.address-syntax": "501 5.1.3",
      "submission.sender-syntax": "501 5.1.7",
      "submission.too-many-recipients": "452 4.5.3",
      "submission.too-large": "552 5.3.4",
      "submission.line-ending": "554 5.6.0",
      "submission.no-route": "550 5.4.4",
      "submission.rate-exceeded": "450 4.7.0",
      "spool.full": "452 4.3.1",
      "spool.unavailable": "451 4.3.0",
      "system.shutting-down": "421 4.3.2",
      "system.fault": "451 4.3.0",
      "message.loop": "554 5.4.6",
    };
    for (const [code, start] of Object.entries(expected)) {
      const formatted = formatReply(renderFailure(failure(code as FailureCode)));
      assert.ok(formatted.startsWith(`${start} `), `${code}: ${formatted}`);
    }
  });

  test("the session's own replies have an enhanced status of their class (RFC 2034 §4)", () => {
    for (const [name, reply] of Object.entries(sessionReplies)) {
      if (reply.code === 354) continue;
      assert.equal(parseEnhancedStatus(reply.lines[0] ?? "")?.class, Math.floor(reply.code / 100), name);
    }
  });
});
