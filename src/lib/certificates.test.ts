import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { connect, createServer, type TLSSocket } from "node:tls";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createAuthority, createServerCertificate, readCertificate, writeCertificate, type Certificate } from "./certificates.ts";

const has = (program: string): boolean => spawnSync(program, ["--version"]).error === undefined;

describe("certificates of the demo", () => {
  let folder: string;
  let authority: Certificate;
  let server: Certificate;
  let foreign: Certificate;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "postern-certificates-"));
    authority = await createAuthority("Postern test CA");
    server = await createServerCertificate(authority, ["localhost", "gateway.contoso.example", "127.0.0.1", "::1"]);
    foreign = await createServerCertificate(authority, ["www.example.com", "10.0.0.1"]);
    for (const [name, certificate] of Object.entries({ authority, server, foreign }))
      await writeCertificate(join(folder, name), certificate);
  });
  after(() => rmSync(folder, { recursive: true }));

  const file = (name: string): string => join(folder, name);

  test("files are for the owner only, and are read back", async () => {
    assert.equal(statSync(file("server.key")).mode & 0o777, 0o600);
    assert.deepEqual(await readCertificate(file("server")), server);
    assert.equal(await readCertificate(file("absent")), null);
    await assert.rejects(writeCertificate(file("server"), server), { code: "EEXIST" });
  });

  test("openssl accepts a permitted name and refuses others", { skip: !has("openssl") && "openssl is not installed" }, () => {
    const verify = (name: string) =>
      spawnSync("openssl", ["verify", "-x509_strict", "-CAfile", file("authority.pem"), file(name)], { encoding: "utf8" });
    assert.match(verify("server.pem").stdout, /server\.pem: OK/);
    const refused = verify("foreign.pem");
    assert.notEqual(refused.status, 0);
    assert.match(refused.stderr, /permitted subtree violation/);
  });

  test("Node accepts it for host names and addresses, and refuses what the authority may not sign", async () => {
    assert.equal(await tryNode(server, "localhost"), "ok");
    assert.equal(await tryNode(server, "gateway.contoso.example"), "ok");
    assert.match(await tryNode(foreign, "www.example.com"), /permitted subtree violation|PERMITTED_VIOLATION/i);
  });

  async function tryNode(certificate: Certificate, servername: string): Promise<string> {
    const listener = createServer(certificate, (socket) => socket.end());
    listener.on("tlsClientError", () => undefined);
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as AddressInfo;
    const socket: TLSSocket = connect({ port, host: "127.0.0.1", servername, ca: authority.cert });
    try {
      await once(socket, "secureConnect");
      return "ok";
    } catch (error) {
      return String(error);
    } finally {
      socket.destroy();
      listener.close();
    }
  }

  test("Python accepts it", { skip: !has("python3") && "python3 is not installed" }, () => {
    const script = `
import ssl, socket, threading, sys
s = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); s.load_cert_chain(sys.argv[2], sys.argv[3])
l = socket.create_server(("127.0.0.1", 0))
def serve():
    for _ in range(2):
        c, _a = l.accept()
        try: s.wrap_socket(c, server_side=True).close()
        except Exception: pass
threading.Thread(target=serve, daemon=True).start()
for name in ("localhost", "127.0.0.1"):
    c = ssl.create_default_context(cafile=sys.argv[1])
    c.wrap_socket(socket.create_connection(l.getsockname()), server_hostname=name).close()
    print("ok", name)
`;
    writeFileSync(file("check.py"), script);
    const out = execFileSync("python3", [file("check.py"), file("authority.pem"), file("server.pem"), file("server.key")], {
      encoding: "utf8",
    });
    assert.equal(out, "ok localhost\nok 127.0.0.1\n");
  });
});
