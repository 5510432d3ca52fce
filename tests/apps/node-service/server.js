// A web service of Node alone: GET /api/demo answers two products.

const http = require("node:http");

const PRODUCTS = [
  { id: 1, name: "Keyboard", price: 49.9 },
  { id: 2, name: "Monitor", price: 189.0 },
];

function demo() {
  const currency = "EUR";
  const total = PRODUCTS.reduce((sum, product) => sum + product.price, 0);
  return { products: PRODUCTS, total, currency }; // BP1
}

const server = http.createServer((request, response) => {
  if (request.url !== "/api/demo") {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "Content-Type": "application/json" });
  response.end(JSON.stringify(demo()));
});

const port = Number(process.env.PORT ?? 8080);
server.listen(port, () => console.log(`listening on port ${port}`));
process.on("SIGTERM", () => process.exit());
