package test.example;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;

/** A web service of the JDK alone: GET /api/demo answers two products. */
public final class Main {
    record Product(int id, String name, double price) {
        String json() {
            return String.format(Locale.ROOT, "{\"id\": %d, \"name\": \"%s\", \"price\": %.2f}", id, name, price);
        }
    }

    private static final List<Product> PRODUCTS =
            List.of(new Product(1, "Keyboard", 49.90), new Product(2, "Monitor", 189.00));

    private Main() {}

    private static String demo() {
        String currency = "EUR";
        double total = PRODUCTS.stream().mapToDouble(Product::price).sum();
        String products = PRODUCTS.stream().map(Product::json).collect(Collectors.joining(", "));
        return String.format(Locale.ROOT, // BP1
                "{\"products\": [%s], \"total\": %.2f, \"currency\": \"%s\"}", products, total, currency);
    }

    public static void main(String[] arguments) throws IOException {
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8080"));
        HttpServer server = HttpServer.create(new InetSocketAddress(port), 0);
        server.createContext("/api/demo", exchange -> {
            byte[] body = demo().getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.setExecutor(Executors.newCachedThreadPool());
        server.start();
        System.out.println("listening on port " + port);
    }
}
