import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { decodePrintableXtext, decodeXtext, encodeXtext } from "./xtext.ts";

suite("xtext", () => {
  test("decoded what was encoded", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => assert.equal(decodeXtext(encodeXtext(text)), text)));
  });
  test("the form of RFC 3461", () => {
    assert.equal(encodeXtext("a+b=c d"), "a+2Bb+3Dc+20d");
    assert.equal(decodeXtext("a+2Bb"), "a+b");
    for (const bad of ["a b", "a=b", "a+2", "a+2b", "a+", "\u00e9", "+FF"]) assert.equal(decodeXtext(bad), null, bad);
  });
  test("no line end hides in what is printed", () => {
    assert.equal(decodePrintableXtext("a+0D+0Ab"), null);
    assert.equal(decodePrintableXtext("a+C3+A9"), null);
    assert.equal(decodePrintableXtext("a+20b"), "a b");
  });
  test("never throws", () => {
    fc.assert(fc.property(fc.string(), (text) => void decodeXtext(text)));
  });
});
