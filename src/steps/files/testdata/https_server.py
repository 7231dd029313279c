"""An https server on loopback for archive_test: python3 https_server.py CERT KEY FOLDER LOG.

On every address of loopback. Prints its port and that of a proxy (http, CONNECT), serves until standard input ends, and logs
one line a request ("PATH RANGE") to LOG, ("HOST PATH AUTHORIZATION") to LOG.auth, and of the proxy
("HOST:PORT PROXY-AUTHORIZATION, the names of all headers") to LOG.proxy.
  /NAME           the file FOLDER/NAME, with ranges
  /no-range/NAME  the same, ignoring ranges
  /stall/NAME     half of it, then silence until the client goes; a request with a range gets the rest
  /to-http        a redirect to http://
  /to-file        a redirect to a file of the client
  /to/NAME        a redirect to /NAME
  /loop           a redirect to itself
  /away/HOST/...  a redirect to /... of HOST, at the same port
  /basic/NAME     /NAME for ops with the password s3cret
  /bearer/NAME    /NAME for who bears t0ken
  /status/N       the answer N
  /cut/NAME       half of it, and the connection ends; a request with a range gets the rest
  /silent/NAME    nothing, until the client goes
The proxy wants a login, "ops" and "pr0xy", for hosts that begin with "127.0.0.3".
"""
import http.server
import os
import re
import select
import socket
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
        with open(LOG + ".auth", "a") as log:
            log.write("%s %s %s\n" % (self.headers["Host"].split(":")[0], self.path, self.headers.get("Authorization", "-")))
        for prefix, wanted in (("/basic/", "Basic b3BzOnMzY3JldA=="), ("/bearer/", "Bearer t0ken")):
            if self.path.startswith(prefix):
                if self.headers.get("Authorization") != wanted:
                    return self.send_error(401)
                self.path = "/" + self.path[len(prefix):]
        if self.path.startswith("/away/"):
            host, _, path = self.path[len("/away/"):].partition("/")
            return self.redirect("https://%s:%d/%s" % (host, self.server.server_port, path))
        if self.path.startswith("/status/"):
            return self.send_error(int(self.path.split("/")[2]))
        if self.path.startswith("/silent/"):
            self.connection.recv(1)  # returns when the client is gone
            return
        if self.path == "/to-http":
            return self.redirect("http://%s/file" % self.headers["Host"])
        if self.path == "/to-file":
            return self.redirect("file:///etc/passwd")
        if self.path == "/loop":
            return self.redirect("/loop")
        if self.path.startswith("/to/"):
            return self.redirect(self.path[3:])
        mode, name = "", self.path[1:]
        for prefix in ("no-range/", "stall/", "cut/"):
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
        if mode in ("stall/", "cut/") and not start:
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            if mode == "cut/":
                self.close_connection = True
                return
            self.connection.recv(1)  # returns when the client is gone
            return
        self.wfile.write(content[start:])


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *unused):
        pass  # a client that goes away, or does not trust us, is what the test wants


class Proxy(http.server.BaseHTTPRequestHandler):
    def log_message(self, *unused):
        pass

    def do_CONNECT(self):
        login = self.headers.get("Proxy-Authorization", "-")
        with open(LOG + ".proxy", "a") as log:
            log.write("%s %s, %s\n" % (self.path.split(":")[0], login, " ".join(sorted(self.headers.keys()))))
        if self.path.startswith("127.0.0.3") and login != "Basic b3BzOnByMHh5":
            self.send_response(407)
            self.send_header("Proxy-Authenticate", "Basic")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port))) as upstream:
            self.send_response(200)
            self.end_headers()
            while True:
                for each in select.select([self.connection, upstream], [], [])[0]:
                    data = each.recv(65536)
                    if not data:
                        return
                    (upstream if each is self.connection else self.connection).sendall(data)


server = Server(("0.0.0.0", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERT, KEY)
# The handshake belongs to the thread of the connection, not to the one that accepts.
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
threading.Thread(target=server.serve_forever, daemon=True).start()
proxy = Server(("127.0.0.1", 0), Proxy)
threading.Thread(target=proxy.serve_forever, daemon=True).start()
print(server.server_port, proxy.server_port, flush=True)
sys.stdin.read()
