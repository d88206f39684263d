import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedDataGenerator;
import org.bouncycastle.cms.SignerInfoGenerator;
import org.bouncycastle.cms.jcajce.JcaSignerInfoGeneratorBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;

/** SignedData (RFC 5652 5). Its signed attributes have CMSAlgorithmProtection (RFC 6211) among them. */
final class Signing {
  private Signing() {}

  /**
   * `signers`: `name:algorithm`, a comma between them; `by`: `issuer` or `ski`; `attributes`: `yes` or `no`; `form`:
   * `opaque` or `detached`; `encoding`: `DER`, `DL` or `BER`; `more`: certificates beside the signers'.
   */
  static Map<String, String> sign(Map<String, String> how, Folder folder) throws Exception {
    var generator = new CMSSignedDataGenerator();
    var certificates = new ArrayList<X509Certificate>();
    for (var signer : how.get("signers").split(",")) {
      var named = signer.split(":");
      var certificate = folder.certificate(named[0]);
      certificates.add(certificate);
      generator.addSignerInfoGenerator(signerInfo(certificate, named[0], named[1], how, folder));
    }
    for (var name : how.get("more").split(",")) certificates.add(folder.certificate(name));
    generator.addCertificates(new JcaCertStore(certificates));
    var content = new CMSProcessableByteArray(folder.read(how.get("in")));
    var signed = generator.generate(content, "opaque".equals(how.get("form")));
    folder.write(how.get("out"), signed.toASN1Structure().getEncoded(how.get("encoding")));
    return Map.of();
  }

  static SignerInfoGenerator signerInfo(
      X509Certificate certificate, String name, String algorithm, Map<String, String> how, Folder folder)
      throws Exception {
    var signer = new JcaContentSignerBuilder(algorithm).setProvider("BC").build(folder.key(name));
    var digests = new JcaDigestCalculatorProviderBuilder().setProvider("BC").build();
    var builder = new JcaSignerInfoGeneratorBuilder(digests);
    builder.setDirectSignature("no".equals(how.get("attributes")));
    return "ski".equals(how.get("by"))
        ? builder.build(signer, keyIdentifier(certificate))
        : builder.build(signer, certificate);
  }

  static byte[] keyIdentifier(X509Certificate certificate) throws Exception {
    return new JcaX509ExtensionUtils().createSubjectKeyIdentifier(certificate.getPublicKey()).getKeyIdentifier();
  }

  static List<X509Certificate> certificates(String names, Folder folder) throws Exception {
    var found = new ArrayList<X509Certificate>();
    for (var name : names.split(",")) found.add(folder.certificate(name));
    return found;
  }
}
