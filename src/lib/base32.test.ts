import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeBase32, encodeBase32 } from "./base32.ts";

test("the vectors of RFC 4648 §10 that need no padding", () => {
  assert.equal(encodeBase32(Buffer.from("fooba")), "mzxw6ytb");
  assert.deepEqual(decodeBase32("MZXW6YTB"), Buffer.from("fooba"));
  assert.equal(encodeBase32(Buffer.alloc(0)), "");
});

test("what is encoded is decoded, in any case", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 12 }), fc.boolean(), (groups, upper) => {
      const bytes = Buffer.concat(Array.from(groups, (byte) => Buffer.from([byte, 0, 255 - byte, byte, 7])));
      const text = encodeBase32(bytes);
      assert.deepEqual(decodeBase32(upper ? text.toUpperCase() : text), bytes);
    }),
  );
});

test("what is no base 32 is none", () => {
  // K (KELVIN SIGN) folds to k, ſ to s: neither is a digit.
  for (const text of ["mzxw6yt", "mzxw6yt1", "mzxw6yt8", "mzxw6yt=", "mzxw6yt\u212a", "mzxw6yt\u017f", "mzxw 6yt"])
    assert.equal(decodeBase32(text), null, text);
});
