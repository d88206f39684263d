import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;

/** Where requests find their files: messages by name, certificates as `name.pem`, keys as `name.key` (PKCS#8). */
record Folder(Path path) {
  byte[] read(String name) throws IOException {
    return Files.readAllBytes(path.resolve(name));
  }

  void write(String name, byte[] bytes) throws IOException {
    Files.write(path.resolve(name), bytes);
  }

  X509Certificate certificate(String name) throws Exception {
    try (InputStream pem = Files.newInputStream(path.resolve(name + ".pem"))) {
      return (X509Certificate) CertificateFactory.getInstance("X.509", "BC").generateCertificate(pem);
    }
  }

  PrivateKey key(String name) throws IOException {
    try (var pem = new PEMParser(Files.newBufferedReader(path.resolve(name + ".key")))) {
      return new JcaPEMKeyConverter().setProvider("BC").getPrivateKey((PrivateKeyInfo) pem.readObject());
    }
  }
}
