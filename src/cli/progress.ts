/** A progress bar on a terminal (standard error), and nothing in a pipe; lines printed meanwhile do not disturb it. */
export interface Progress extends Disposable {
  step(by?: number): void;
  /** A line of the answer, on standard output. */
  print(line: string): void;
  /** A line for people, on standard error. */
  note(line: string): void;
}

const width = 30;
const redrawMs = 100;
/** Fewer need no bar. */
const least = 10;

export function progressLine(what: string, total: number): Progress {
  const shown = process.stderr.isTTY && total >= least;
  const started = performance.now();
  let done = 0;
  let drawnAt = 0;
  const clear = () => {
    if (shown) process.stderr.write("\r\u001b[K");
  };
  const draw = () => {
    if (!shown) return;
    const filled = Math.round((done / total) * width);
    const seconds = (performance.now() - started) / 1000;
    process.stderr.write(
      `\r[${"#".repeat(filled)}${".".repeat(width - filled)}] ${done}/${total} ${what}, ${Math.round(done / Math.max(seconds, 0.001))}/s\u001b[K`,
    );
    drawnAt = performance.now();
  };
  return {
    step(by = 1) {
      done += by;
      if (performance.now() - drawnAt > redrawMs || done === total) draw();
    },
    print(line) {
      if (process.stdout.isTTY) clear();
      process.stdout.write(`${line}\n`);
    },
    note(line) {
      clear();
      process.stderr.write(`${line}\n`);
    },
    [Symbol.dispose]: clear,
  };
}
