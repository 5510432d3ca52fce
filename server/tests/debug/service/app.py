import http.server
import json
import sys


class Demo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        products = ["Teclado", "Monitor"]
        total = len(products)
        body = json.dumps(products).encode()  # breakpoint
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
        if self.path == "/raise":
            try:
                raise ValueError("wrong")
            except ValueError:
                pass
        if self.path == "/end":
            import os
            os._exit(3)


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Demo).serve_forever()
