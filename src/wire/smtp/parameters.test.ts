import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { parseMailParameters } from "./mail-parameters.ts";
import { parseParameters } from "./parameters.ts";
import { parseNotify, parseOrcpt, parseRcptParameters } from "./rcpt-parameters.ts";

const all = { size: true, eightBitMime: true, smtpUtf8: true, dsn: true, auth: true };
const none = { size: false, eightBitMime: false, smtpUtf8: false, dsn: false, auth: false };

suite("parameters of MAIL and RCPT", () => {
  test("all of MAIL", () => {
    assert.deepEqual(parseMailParameters(" size=5 body=7bit smtputf8 ret=full envid=a+2Bb auth=a+40b.example", 0, "a@b", all), {
      reversePath: "a@b",
      size: 5,
      body: "7BIT",
      smtputf8: true,
      ret: "FULL",
      envid: "a+b",
      auth: "a@b.example",
    });
    assert.deepEqual(parseMailParameters("", 0, null, all), { reversePath: null });
    assert.deepEqual(parseMailParameters("   ", 0, null, all), { reversePath: null });
  });

  test("what was not offered is unknown", () => {
    for (const text of [" SIZE=1", " BODY=7BIT", " SMTPUTF8", " RET=FULL", " ENVID=x", " AUTH=<>", " XYZ"]) {
      assert.equal(parseMailParameters(text, 0, null, none), "unknownParameter", text);
    }
    assert.equal(parseRcptParameters(" NOTIFY=NEVER", 0, "a@b", { dsn: false }), "unknownParameter");
    assert.equal(parseRcptParameters(" XYZ", 0, "a@b", { dsn: true }), "unknownParameter");
  });

  test("malformed and doubled ones", () => {
    for (const text of [
      "SIZE=1",
      " SIZE=",
      " SIZE=-1",
      ` SIZE=${"1".repeat(21)}`,
      " =x",
      " SMTPUTF8=1",
      " RET",
      ` ENVID=${"x".repeat(101)}`,
      " a=b=c",
      " -x",
    ]) {
      assert.equal(parseMailParameters(text, 0, null, all), "badParameter", text);
    }
    assert.equal(parseMailParameters(" SIZE=1 BODY=7BIT size=2", 0, null, all), "duplicateParameter");
    assert.equal(parseParameters(Array.from({ length: 17 }, (_, i) => ` K${i}`).join(""), 0), "badParameter");
  });

  test("NOTIFY and ORCPT", () => {
    assert.deepEqual(parseNotify("never"), { never: true, success: false, failure: false, delay: false });
    assert.deepEqual(parseNotify("FAILURE,DELAY"), { never: false, success: false, failure: true, delay: true });
    for (const bad of ["", ",", "NEVER,FAILURE", "SOMETIMES", "FAILURE,"]) assert.equal(parseNotify(bad), null, bad);
    assert.equal(parseOrcpt("rfc822;bob+2Bx@b.example"), "rfc822;bob+x@b.example");
    assert.equal(parseOrcpt("utf-8;b\u00f6b@b.example"), "utf-8;b\u00f6b@b.example");
    for (const bad of ["", "rfc822", "rfc822;", ";x", "rfc 822;x", "rfc822;a+0Ab", "rfc822;b\u00f6b", `rfc822;${"x".repeat(500)}`]) {
      assert.equal(parseOrcpt(bad), null, bad);
    }
    assert.deepEqual(parseRcptParameters(" NOTIFY=SUCCESS ORCPT=rfc822;x", 0, "a@b", { dsn: true }), {
      address: "a@b",
      notify: { never: false, success: true, failure: false, delay: false },
      orcpt: "rfc822;x",
    });
  });

  test("never throw", () => {
    const word = fc.oneof(
      fc.constantFrom("SIZE", "BODY", "RET", "ENVID", "NOTIFY", "ORCPT", "AUTH", "SMTPUTF8", "=", " ", "+0A", ";", ","),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        const text = words.join("");
        parseMailParameters(text, 0, null, all);
        parseRcptParameters(text, 0, "a@b", all);
      }),
    );
  });
});
