import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import tls from "node:tls";
import { expect, test } from "vitest";
import { CertificateAuthority } from "./certificates.ts";

test("a certificate has its names, and is signed by its own authority only", () => {
  const authority = new CertificateAuthority("Test CA");
  const { cert } = authority.issue("kafka.test", "127.0.0.1");
  const certificate = new X509Certificate(cert);
  expect(certificate.checkHost("kafka.test")).toBe("kafka.test");
  expect(certificate.checkIP("127.0.0.1")).toBe("127.0.0.1");
  expect(certificate.checkHost("other.test")).toBeUndefined();
  const verifies = ({ cert: ca }: CertificateAuthority): boolean =>
    certificate.verify(new X509Certificate(ca).publicKey);
  expect(verifies(authority)).toBe(true);
  expect(verifies(new CertificateAuthority("Test CA"))).toBe(false);
});

test("Node's TLS accepts the certificates of a server and of a client", async () => {
  const authority = new CertificateAuthority("Test CA");
  const server = tls.createServer({
    ...authority.issue("localhost", "127.0.0.1"),
    ca: authority.cert,
    requestCert: true,
    rejectUnauthorized: true,
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const { port } = server.address() as AddressInfo;
  const client = tls.connect({
    host: "127.0.0.1",
    port,
    ca: authority.cert,
    ...authority.issue("client"),
  });
  const peers: unknown[] = [];
  server.on("secureConnection", (socket) => peers.push(socket.getPeerCertificate().subject.CN));
  await expect.poll(() => peers).toEqual(["client"]);
  client.destroy();
  server.close();
});
