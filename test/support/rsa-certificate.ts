import { createPrivateKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runProgram } from "./run-program.ts";

/** A self-signed RSA certificate, made by openssl as an administrator would; PEM. Its files lie in `folder`. */
export async function rsaCertificate(
  folder: string,
): Promise<{ readonly key: KeyObject; readonly keyPem: string; readonly certificate: string }> {
  const [keyFile, certificateFile] = [join(folder, "rsa.key"), join(folder, "rsa.pem")];
  const options = ["-newkey", "rsa:2048", "-nodes", "-keyout", keyFile, "-out", certificateFile, "-days", "2", "-subj", "/CN=gateway"];
  const { code, stderr } = await runProgram("openssl", ["req", "-x509", ...options]);
  if (code !== 0) throw new Error(stderr);
  const keyPem = readFileSync(keyFile, "utf8");
  return { key: createPrivateKey(keyPem), keyPem, certificate: readFileSync(certificateFile, "utf8") };
}
