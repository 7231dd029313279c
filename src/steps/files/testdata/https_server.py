"""An https server on loopback for archive_test: python3 https_server.py CERT KEY FOLDER LOG.

Prints its port, serves until standard input ends, and logs one line a request ("PATH RANGE") to LOG.
  /NAME           the file FOLDER/NAME, with ranges
  /no-range/NAME  the same, ignoring ranges
  /stall/NAME     half of it, then silence until the client goes; a request with a range gets the rest
  /to-http        a redirect to http://
  /to-file        a redirect to a file of the client
  /to/NAME        a redirect to /NAME
  /loop           a redirect to itself
"""
import http.server
import os
import re
import ssl
import sys
import threading

CERT, KEY, FOLDER, LOG = sys.argv[1:5]


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *unused):
        pass

    def redirect(self, to):
        self.send_response(302)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        with open(LOG, "a") as log:
            log.write("%s %s\n" % (self.path, self.headers.get("Range", "-")))
        if self.path == "/to-http":
            return self.redirect("http://%s/file" % self.headers["Host"])
        if self.path == "/to-file":
            return self.redirect("file:///etc/passwd")
        if self.path == "/loop":
            return self.redirect("/loop")
        if self.path.startswith("/to/"):
            return self.redirect(self.path[3:])
        mode, name = "", self.path[1:]
        for prefix in ("no-range/", "stall/"):
            if name.startswith(prefix):
                mode, name = prefix, name[len(prefix):]
        path = os.path.join(FOLDER, os.path.basename(name))
        if not os.path.exists(path):
            return self.send_error(404)
        with open(path, "rb") as file:
            content = file.read()
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked.group(1)) if asked and mode != "no-range/" else 0
        if asked and mode != "no-range/":
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", "bytes */%d" % len(content))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(content) - 1, len(content)))
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if mode == "stall/" and not start:
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            self.connection.recv(1)  # returns when the client is gone
            return
        self.wfile.write(content[start:])


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *unused):
        pass  # a client that goes away, or does not trust us, is what the test wants


server = Server(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERT, KEY)
# The handshake belongs to the thread of the connection, not to the one that accepts.
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
