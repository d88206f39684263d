import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import javax.mail.internet.MimeMultipart;
import org.bouncycastle.asn1.cms.CMSAttributes;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cms.CMSAuthEnvelopedData;
import org.bouncycastle.cms.CMSEnvelopedData;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.KeyTransRecipientInformation;
import org.bouncycastle.cms.Recipient;
import org.bouncycastle.cms.RecipientInformation;
import org.bouncycastle.cms.RecipientInformationStore;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.cms.jcajce.JceKeyAgreeEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyAgreeRecipientId;
import org.bouncycastle.cms.jcajce.JceKeyTransAuthEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransRecipientId;
import org.bouncycastle.mail.smime.SMIMESigned;
import org.bouncycastle.mail.smime.SMIMEUtil;

/** Decrypts, verifies, and tells what it found. */
final class Opening {
  private Opening() {}

  /**
   * `in`: CMS; `as`: whose key; `kind`: `enveloped` or `auth-enveloped`. Inside is multipart/signed; the signed entity's
   * bytes go into `out`.
   */
  static Map<String, String> open(Map<String, String> how, Folder folder) throws Exception {
    var cms = folder.read(how.get("in"));
    if (!"auth-enveloped".equals(how.get("kind"))) return open(new CMSEnvelopedData(cms), how, folder);
    // This version has no recipient for a key agreement here.
    var ours = ours(new CMSAuthEnvelopedData(cms).getRecipientInfos(), how.get("as"), folder);
    var recipient = new JceKeyTransAuthEnvelopedRecipient(folder.key(how.get("as"))).setProvider("BC");
    return verify(ours.getContent(recipient), how, folder);
  }

  static Map<String, String> open(CMSEnvelopedData enveloped, Map<String, String> how, Folder folder)
      throws Exception {
    var ours = ours(enveloped.getRecipientInfos(), how.get("as"), folder);
    var facts = verify(ours.getContent(recipient(ours, how.get("as"), folder)), how, folder);
    facts.put("content", enveloped.getEncryptionAlgOID());
    facts.put("keyEncryption", ours.getKeyEncryptionAlgOID());
    var parameters = ours.getKeyEncryptionAlgParams();
    facts.put("parameters", parameters == null ? "" : HexFormat.of().formatHex(parameters));
    return facts;
  }

  private static RecipientInformation ours(RecipientInformationStore all, String name, Folder folder)
      throws Exception {
    var certificate = folder.certificate(name);
    var byTransport = all.get(new JceKeyTransRecipientId(certificate));
    var found = byTransport != null ? byTransport : all.get(new JceKeyAgreeRecipientId(certificate));
    if (found == null) throw new IllegalStateException(name + " is no recipient");
    return found;
  }

  private static Recipient recipient(RecipientInformation ours, String name, Folder folder) throws Exception {
    var key = folder.key(name);
    return ours instanceof KeyTransRecipientInformation
        ? new JceKeyTransEnvelopedRecipient(key).setProvider("BC")
        : new JceKeyAgreeEnvelopedRecipient(key).setProvider("BC");
  }

  private static Map<String, String> verify(byte[] decrypted, Map<String, String> how, Folder folder)
      throws Exception {
    var entity = SMIMEUtil.toMimeBodyPart(decrypted);
    if (!(entity.getContent() instanceof MimeMultipart multipart)) {
      throw new IllegalStateException("not multipart/signed, but " + entity.getContentType());
    }
    var signed = new SMIMESigned(multipart);
    var out = new ByteArrayOutputStream();
    signed.getContent().writeTo(out);
    folder.write(how.get("out"), out.toByteArray());
    var facts = signers(signed);
    facts.put("type", multipart.getContentType().replaceAll("\\s+", " "));
    return facts;
  }

  /** Each signer by its own certificate, which must be in the message. Throws when one signature is not valid. */
  private static Map<String, String> signers(CMSSignedData signed) throws Exception {
    var facts = new TreeMap<String, String>();
    var algorithms = new ArrayList<String>();
    for (var signer : signed.getSignerInfos()) {
      @SuppressWarnings("unchecked")
      var found = signed.getCertificates().getMatches(signer.getSID());
      if (found.size() != 1) throw new IllegalStateException("the signer's certificate is not in the message");
      var certificate = (X509CertificateHolder) found.iterator().next();
      var verifier = new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(certificate);
      if (!signer.verify(verifier)) throw new IllegalStateException("a signature is not valid");
      algorithms.add(signer.getDigestAlgOID());
      var attributes = signer.getSignedAttributes();
      facts.put("signingTime", attributes.get(CMSAttributes.signingTime) == null ? "no" : "yes");
      facts.put("algorithmProtection", attributes.get(CMSAttributes.cmsAlgorithmProtect) == null ? "no" : "yes");
    }
    facts.put("digests", String.join(",", algorithms));
    facts.put("certificates", String.valueOf(signed.getCertificates().getMatches(null).size()));
    return facts;
  }
}
