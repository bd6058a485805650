// A reporter for node:test that writes one line, `ran=N skipped=N`: what run-tests.sh decides by. Plain JavaScript, because reporters are
// loaded before the runner has set up anything.
export default async function* totals(events) {
  let ran = 0;
  let skipped = 0;
  // What is held against other people's documents runs where they lie beside the project: they are not ours to bring along.
  let withoutDocument = 0;
  for await (const event of events) {
    if (event.type === "test:pass" && String(event.data.skip ?? "").startsWith("the published specification does not lie"))
      withoutDocument++;
    // The last summary, without a file, has the totals of all.
    if (event.type === "test:summary" && event.data.file === undefined) {
      ran = event.data.counts.tests - event.data.counts.skipped - event.data.counts.todo;
      skipped = event.data.counts.skipped + event.data.counts.todo;
    }
  }
  yield `ran=${ran} skipped=${skipped - withoutDocument}`;
}
