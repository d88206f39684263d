import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.Security;
import java.util.HashMap;
import java.util.Map;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

/**
 * BouncyCastle as a correspondent: one request a line on standard input, one answer a line on standard output, both as
 * fields separated by tabs. A request is its name and `field=value`; an answer is `done` and the same, or `failed` and
 * why. All files are names in the folder that is the only argument.
 */
final class Peer {
  private Peer() {}

  public static void main(String[] arguments) throws Exception {
    Security.addProvider(new BouncyCastleProvider());
    var folder = new Folder(Path.of(arguments[0]));
    var requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (var line = requests.readLine(); line != null; line = requests.readLine()) {
      System.out.println(answer(line.split("\t"), folder));
    }
  }

  private static String answer(String[] request, Folder folder) {
    var fields = new HashMap<String, String>();
    for (var i = 1; i < request.length; i++) {
      var field = request[i].split("=", 2);
      fields.put(field[0], field[1]);
    }
    try {
      var found = perform(request[0], fields, folder);
      var answer = new StringBuilder("done");
      found.forEach((name, value) -> answer.append('\t').append(name).append('=').append(value));
      return answer.toString();
    } catch (Exception failure) {
      return "failed\t" + failure.toString().replaceAll("\\s+", " ");
    }
  }

  private static Map<String, String> perform(String name, Map<String, String> fields, Folder folder)
      throws Exception {
    return switch (name) {
      case "sign" -> Signing.sign(fields, folder);
      case "seal" -> Sealing.seal(fields, folder);
      case "mail" -> Mail.write(fields, folder);
      case "open" -> Opening.open(fields, folder);
      case "read" -> Mail.read(fields, folder);
      default -> throw new IllegalArgumentException("no such request: " + name);
    };
  }
}
