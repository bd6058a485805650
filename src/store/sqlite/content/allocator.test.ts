import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Extent } from "../../../queue/store.ts";
import { Allocator, blockBytes } from "./allocator.ts";

const segmentBytes = 64 * blockBytes;

test("nothing is given out twice, and everything comes back", () => {
  const step = fc.record({ take: fc.boolean(), length: fc.integer({ min: 1, max: 20 * blockBytes }), which: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const allocator = new Allocator(segmentBytes);
      let segments = 0;
      const used: Extent[] = [];
      for (const { take, length, which } of steps) {
        if (!take) {
          const [extent] = used.splice(which % Math.max(1, used.length), 1);
          if (extent !== undefined) allocator.free(extent);
          continue;
        }
        let extent = allocator.take(length);
        if (extent === null) {
          allocator.add(++segments, []);
          extent = allocator.take(length);
        }
        assert.ok(extent);
        for (const other of used) assert.ok(!overlap(other, extent), `${JSON.stringify(other)} and ${JSON.stringify(extent)}`);
        used.push(extent);
      }
      // What another run learns from the rows is what this one knows.
      const learned = new Allocator(segmentBytes);
      for (let segment = 1; segment <= segments; segment++) {
        const here = used.filter((extent) => extent.segment === segment).sort((a, b) => a.offset - b.offset);
        learned.add(
          segment,
          here.map(({ offset, length }) => [offset, length] as const),
        );
      }
      assert.equal(learned.freeBytes(), allocator.freeBytes());
      for (const extent of used) allocator.free(extent);
      assert.equal(allocator.empty().length, segments);
      assert.equal(allocator.freeBytes(), segments * segmentBytes);
    }),
  );
});

function overlap(a: Extent, b: Extent): boolean {
  return a.segment === b.segment && a.offset < b.offset + b.length && b.offset < a.offset + a.length;
}
