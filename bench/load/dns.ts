import { createSocket } from "node:dgram";
import { once } from "node:events";
import { decode, encode, type Answer } from "dns-packet";

/** A name server on loopback that knows one thing: the mail server of example.net is mx.example.net. */
export async function openDns(): Promise<{ readonly port: number } & AsyncDisposable> {
  const socket = createSocket("udp4");
  socket.on("message", (bytes, { address, port }) => {
    const { id, questions = [] } = decode(bytes);
    const [question] = questions;
    const isMx = question?.type === "MX" && question.name.toLowerCase() === "example.net";
    const answers: Answer[] = isMx
      ? [{ type: "MX", name: question.name, ttl: 3600, data: { preference: 10, exchange: "mx.example.net" } }]
      : [];
    socket.send(encode({ type: "response", ...(id === undefined ? {} : { id }), questions, answers }), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    port: socket.address().port,
    async [Symbol.asyncDispose]() {
      const closed = once(socket, "close");
      socket.close();
      await closed;
    },
  };
}
