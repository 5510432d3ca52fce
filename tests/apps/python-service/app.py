"""A web service of the standard library alone: GET /api/demo answers two products."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PRODUCTS = [
    {"id": 1, "name": "Keyboard", "price": 49.90},
    {"id": 2, "name": "Monitor", "price": 189.00},
]


def demo():
    currency = "EUR"
    total = sum(product["price"] for product in PRODUCTS)
    return {"products": PRODUCTS, "total": total, "currency": currency}  # BP1


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/api/demo":
            self.send_error(404)
            return
        body = json.dumps(demo()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8080"))
    print(f"listening on port {port}", flush=True)
    ThreadingHTTPServer(("", port), Handler).serve_forever()
