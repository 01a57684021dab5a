// Needs Java 11 and nothing else. Run it with: java Token.java
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

import static java.nio.charset.StandardCharsets.UTF_8;

public class Token {
    public static void main(String[] args) throws Exception {
        String clientId = {{client}};
        String clientSecret = System.getenv("OAUTHORITY_CLIENT_SECRET");
        if (clientSecret == null) throw new IllegalStateException("put the client secret into OAUTHORITY_CLIENT_SECRET first");
        Map<String, String> form = new LinkedHashMap<>();
        form.put("grant_type", "client_credentials");
|scope|        form.put("scope", {{scope}});
|resource|        form.put("resource", {{resource}});
|post|        form.put("client_id", clientId);
|post|        form.put("client_secret", clientSecret);
        String body = form.entrySet().stream()
            .map(one -> one.getKey() + "=" + encode(one.getValue()))
            .collect(Collectors.joining("&"));
|basic|        String pair = encode(clientId) + ":" + encode(clientSecret);
        HttpRequest request = HttpRequest.newBuilder(URI.create({{endpoint}}))
            .timeout(Duration.ofSeconds(10))
            .header("Content-Type", "application/x-www-form-urlencoded")
|basic|            .header("Authorization", "Basic " + Base64.getEncoder().encodeToString(pair.getBytes(UTF_8)))
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
        HttpResponse<String> answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            System.err.println(answer.body());
            System.exit(1);
        }
        // Keep it and use it again until it expires, rather than asking for one each time.
        System.out.println(answer.body());
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, UTF_8);
    }
}
