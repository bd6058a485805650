// A reporter for node:test that writes one line, `ran=N skipped=N`: what run-tests.sh decides by. Plain JavaScript, because reporters are
// loaded before the runner has set up anything.
export default async function* totals(events) {
  let ran = 0;
  let skipped = 0;
  for await (const event of events) {
    // The last summary, without a file, has the totals of all.
    if (event.type === "test:summary" && event.data.file === undefined) {
      ran = event.data.counts.tests - event.data.counts.skipped - event.data.counts.todo;
      skipped = event.data.counts.skipped + event.data.counts.todo;
    }
  }
  yield `ran=${ran} skipped=${skipped}`;
}
