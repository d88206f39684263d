import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.interfaces.ECPublicKey;
import java.security.spec.MGF1ParameterSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.cms.CMSAlgorithm;
import org.bouncycastle.cms.CMSAuthEnvelopedDataGenerator;
import org.bouncycastle.cms.CMSEnvelopedDataGenerator;
import org.bouncycastle.cms.CMSEnvelopedDataStreamGenerator;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.RecipientInfoGenerator;
import org.bouncycastle.cms.jcajce.JceCMSContentEncryptorBuilder;
import org.bouncycastle.cms.jcajce.JceKeyAgreeRecipientInfoGenerator;
import org.bouncycastle.cms.jcajce.JceKeyTransRecipientInfoGenerator;
import org.bouncycastle.operator.OutputAEADEncryptor;
import org.bouncycastle.operator.OutputEncryptor;
import org.bouncycastle.operator.jcajce.JcaAlgorithmParametersConverter;

/** EnvelopedData (RFC 5652 6) and AuthEnvelopedData (RFC 5083). */
final class Sealing {
  private Sealing() {}

  private static final Map<String, ASN1ObjectIdentifier> NAMES =
      Map.ofEntries(
          Map.entry("aes-128-cbc", CMSAlgorithm.AES128_CBC),
          Map.entry("aes-192-cbc", CMSAlgorithm.AES192_CBC),
          Map.entry("aes-256-cbc", CMSAlgorithm.AES256_CBC),
          Map.entry("aes-128-gcm", CMSAlgorithm.AES128_GCM),
          Map.entry("aes-256-gcm", CMSAlgorithm.AES256_GCM),
          Map.entry("aes-128-wrap", CMSAlgorithm.AES128_WRAP),
          Map.entry("aes-192-wrap", CMSAlgorithm.AES192_WRAP),
          Map.entry("aes-256-wrap", CMSAlgorithm.AES256_WRAP),
          Map.entry("ecdh-sha1", CMSAlgorithm.ECDH_SHA1KDF),
          Map.entry("ecdh-sha256", CMSAlgorithm.ECDH_SHA256KDF),
          Map.entry("ecdh-sha384", CMSAlgorithm.ECDH_SHA384KDF),
          Map.entry("ecdh-sha512", CMSAlgorithm.ECDH_SHA512KDF));

  /**
   * `content`: a cipher; `recipients`: `name:transport`, or `name+name:agreement:wrap` for those in one
   * KeyAgreeRecipientInfo, a comma between them; `by`: `issuer` or `ski`; `ukm`: user keying material, or nothing;
   * `chunk`: bytes of a piece of the content; `recipientsForm`: `DER` or `BER`.
   */
  static Map<String, String> seal(Map<String, String> how, Folder folder) throws Exception {
    var content = folder.read(how.get("in"));
    var encryptor = encryptor(how.get("content"));
    var out = new ByteArrayOutputStream();
    if (encryptor instanceof OutputAEADEncryptor authenticating) {
      var generator = new CMSAuthEnvelopedDataGenerator();
      for (var info : recipients(how, folder)) generator.addRecipientInfoGenerator(info);
      out.write(generator.generate(new CMSProcessableByteArray(content), authenticating).getEncoded());
    } else if (how.containsKey("chunk")) {
      var generator = new CMSEnvelopedDataStreamGenerator();
      for (var info : recipients(how, folder)) generator.addRecipientInfoGenerator(info);
      generator.setBufferSize(Integer.parseInt(how.get("chunk")));
      generator.setBEREncodeRecipients("BER".equals(how.get("recipientsForm")));
      try (var stream = generator.open(out, encryptor)) {
        stream.write(content);
      }
    } else {
      var generator = new CMSEnvelopedDataGenerator();
      for (var info : recipients(how, folder)) generator.addRecipientInfoGenerator(info);
      out.write(generator.generate(new CMSProcessableByteArray(content), encryptor).getEncoded());
    }
    folder.write(how.get("out"), out.toByteArray());
    return Map.of();
  }

  static OutputEncryptor encryptor(String cipher) throws Exception {
    return new JceCMSContentEncryptorBuilder(NAMES.get(cipher)).setProvider("BC").build();
  }

  static List<RecipientInfoGenerator> recipients(Map<String, String> how, Folder folder) throws Exception {
    var infos = new ArrayList<RecipientInfoGenerator>();
    for (var recipient : how.get("recipients").split(",")) {
      var parts = recipient.split(":");
      infos.add(parts.length == 3 ? keyAgree(parts, how, folder) : keyTrans(parts, how, folder));
    }
    return infos;
  }

  private static RecipientInfoGenerator keyTrans(String[] parts, Map<String, String> how, Folder folder)
      throws Exception {
    var certificate = folder.certificate(parts[0]);
    var algorithm = keyTransport(parts[1]);
    var info =
        "ski".equals(how.get("by"))
            ? new JceKeyTransRecipientInfoGenerator(
                Signing.keyIdentifier(certificate), algorithm, certificate.getPublicKey())
            : new JceKeyTransRecipientInfoGenerator(certificate, algorithm);
    return info.setProvider("BC");
  }

  private static AlgorithmIdentifier keyTransport(String name) throws Exception {
    if ("rsa-pkcs1".equals(name)) return new AlgorithmIdentifier(PKCSObjectIdentifiers.rsaEncryption);
    var hash = name.replace("rsa-oaep-sha", "SHA-");
    var parameters =
        new OAEPParameterSpec(hash, "MGF1", new MGF1ParameterSpec(hash), PSource.PSpecified.DEFAULT);
    return new JcaAlgorithmParametersConverter()
        .getAlgorithmIdentifier(PKCSObjectIdentifiers.id_RSAES_OAEP, parameters);
  }

  private static RecipientInfoGenerator keyAgree(String[] parts, Map<String, String> how, Folder folder)
      throws Exception {
    var names = parts[0].split("\\+");
    var ephemeral = keyOnTheCurveOf((ECPublicKey) folder.certificate(names[0]).getPublicKey());
    var info =
        new JceKeyAgreeRecipientInfoGenerator(
            NAMES.get(parts[1]), ephemeral.getPrivate(), ephemeral.getPublic(), NAMES.get(parts[2]));
    for (var name : names) {
      var certificate = folder.certificate(name);
      if ("ski".equals(how.get("by")))
        info.addRecipient(Signing.keyIdentifier(certificate), certificate.getPublicKey());
      else info.addRecipient(certificate);
    }
    var ukm = how.get("ukm");
    if (ukm != null) info.setUserKeyingMaterial(ukm.getBytes(StandardCharsets.UTF_8));
    return info.setProvider("BC");
  }

  private static KeyPair keyOnTheCurveOf(ECPublicKey key) throws Exception {
    var generator = KeyPairGenerator.getInstance("EC", "BC");
    generator.initialize(key.getParams());
    return generator.generateKeyPair();
  }
}
