/**
 * An SMTP server that takes everything and keeps nothing: `node bench/load/discard.ts PORT`. Prints `mesg=N` like `smtp-sink -c`.
 * It looks for the end of the data with `indexOf` and for nothing else, so that it costs little beside what is measured.
 */
import { createServer, type Socket } from "node:net";

const replies = {
  greeting: "220 sink.example ESMTP\r\n",
  ehlo: "250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 52428800\r\n",
  data: "354 go on\r\n",
  ok: "250 2.0.0 Ok\r\n",
  bye: "221 2.0.0 Bye\r\n",
} as const;
const endOfData = Buffer.from("\r\n.\r\n");
let messages = 0;

function converse(socket: Socket): void {
  let inData = false;
  // The last bytes of what was read, in which the end of the data or of a line may begin.
  let rest: Buffer = Buffer.alloc(0);
  socket.on("error", () => undefined);
  socket.on("data", (piece: Buffer) => {
    let bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    let answers = "";
    for (;;) {
      if (inData) {
        const end = bytes.indexOf(endOfData);
        if (end < 0) {
          bytes = bytes.subarray(Math.max(0, bytes.length - endOfData.length + 1));
          break;
        }
        bytes = bytes.subarray(end + endOfData.length);
        inData = false;
        process.stdout.write(`mesg=${++messages}\n`);
        answers += replies.ok;
        continue;
      }
      const end = bytes.indexOf(10);
      if (end < 0) break;
      const verb = bytes.toString("latin1", 0, Math.min(4, end)).toUpperCase();
      bytes = bytes.subarray(end + 1);
      if (verb === "QUIT") return void socket.end(answers + replies.bye);
      if (verb === "DATA") inData = true;
      answers += verb === "EHLO" ? replies.ehlo : inData ? replies.data : replies.ok;
    }
    // A copy: a view would keep the whole piece that it was cut from.
    rest = Buffer.from(bytes);
    if (answers !== "") socket.write(answers);
  });
  socket.write(replies.greeting);
}

createServer({ noDelay: true }, converse).listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 2000 });
