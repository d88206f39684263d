import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Properties;
import javax.mail.Session;
import javax.mail.internet.MimeBodyPart;
import javax.mail.internet.MimeMessage;
import javax.mail.internet.MimeMultipart;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.mail.smime.SMIMEEnveloped;
import org.bouncycastle.mail.smime.SMIMEEnvelopedGenerator;
import org.bouncycastle.mail.smime.SMIMESignedGenerator;
import org.bouncycastle.mail.smime.SMIMEUtil;

/** Whole messages by BouncyCastle's mail API, which is what the Java reference implementation of Direct stands on. */
final class Mail {
  private Mail() {}

  private static final Session SESSION = Session.getInstance(new Properties());

  /**
   * `in`: the MIME entity to sign; `signer`: `name:algorithm`; `form`: `opaque` or `detached`; `header`: a file with the
   * message's own header lines; the others as for `sign` and `seal`.
   */
  static Map<String, String> write(Map<String, String> how, Folder folder) throws Exception {
    var entity = new MimeBodyPart(new ByteArrayInputStream(folder.read(how.get("in"))));
    var named = how.get("signer").split(":");
    var certificate = folder.certificate(named[0]);
    var signing = new SMIMESignedGenerator();
    signing.addSignerInfoGenerator(Signing.signerInfo(certificate, named[0], named[1], how, folder));
    var certificates = Signing.certificates(how.get("more"), folder);
    certificates.add(certificate);
    signing.addCertificates(new JcaCertStore(certificates));
    var signed = "opaque".equals(how.get("form")) ? signing.generateEncapsulated(entity) : body(signing.generate(entity));
    var sealing = new SMIMEEnvelopedGenerator();
    for (var info : Sealing.recipients(how, folder)) sealing.addRecipientInfoGenerator(info);
    var sealed = sealing.generate(signed, Sealing.encryptor(how.get("content")));
    var out = new ByteArrayOutputStream();
    out.write(folder.read(how.get("header")));
    sealed.writeTo(out);
    folder.write(how.get("out"), out.toByteArray());
    return Map.of();
  }

  private static MimeBodyPart body(MimeMultipart signed) throws Exception {
    var out = new ByteArrayOutputStream();
    out.write(("Content-Type: " + signed.getContentType() + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
    signed.writeTo(out);
    return SMIMEUtil.toMimeBodyPart(out.toByteArray());
  }

  /** As `open`, of a whole message; tells its outer header too. */
  static Map<String, String> read(Map<String, String> how, Folder folder) throws Exception {
    var message = new MimeMessage(SESSION, new ByteArrayInputStream(folder.read(how.get("in"))));
    var facts = Opening.open(new SMIMEEnveloped(message), how, folder);
    facts.put("from", message.getFrom()[0].toString());
    facts.put("transferEncoding", message.getEncoding());
    return facts;
  }
}
