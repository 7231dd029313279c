#!/usr/bin/env python3
"""Writes to an etcd cluster at a steady rate, and tells of every attempt that failed.

    write_load.py --endpoints https://10.0.0.11:2379,... --cacert FILE --cert FILE --key FILE --report FILE

Runs until SIGTERM; then REPORT holds {"begun", "ended", "written", "lost", "failed": [{"at", "endpoint", "error",
"write", "attempt"}, ...]}: "failed" are attempts, "lost" the writes that did not succeed on any. It does what a client
library does: an attempt that fails is made again at the next endpoint. Most writes go over connections that are kept,
every twentieth over a new one, so that the certificates of the moment are seen, too. It speaks to etcd's JSON gateway,
which needs no more than Python.
"""

import argparse
import base64
import http.client
import json
import signal
import ssl
import threading
import time
import urllib.parse

WORKERS = 4
PREFIX = "load/"
ATTEMPTS = 60
ALL_ENDPOINTS_FAILED_PAUSE = 0.05


def key_of(write):
    return f"{PREFIX}{write:08d}"


class Load:
    """The schedule that the workers share, and what they saw."""

    def __init__(self, arguments):
        self.endpoints = arguments.endpoints.split(",")
        self.rate = arguments.rate
        self.tls = arguments
        self.begun = time.time()
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.written = 0
        self.lost = []
        self.failed = []

    def report(self):
        return {"begun": self.begun, "ended": time.time(), "written": self.written, "lost": self.lost, "failed": self.failed}


class Worker(threading.Thread):
    """Makes every WORKERS-th write, with connections of its own."""

    def __init__(self, load, number):
        super().__init__()
        self.load = load
        self.number = number
        self.connections = {}

    def run(self):
        write = self.number
        while not self.load.stop.is_set():
            due = self.load.begun + write / self.load.rate
            if self.load.stop.wait(max(0, due - time.time())):
                return
            self.write(write)
            write += WORKERS

    def write(self, write):
        endpoints = self.load.endpoints
        for attempt in range(ATTEMPTS):
            endpoint = endpoints[(write + attempt) % len(endpoints)]
            try:
                self.put(endpoint, write, fresh=write // WORKERS % 20 == 0)
            except (OSError, http.client.HTTPException, RuntimeError) as error:
                self.drop(endpoint)
                with self.load.lock:
                    self.load.failed.append({"at": time.time(), "endpoint": endpoint, "error": f"{type(error).__name__}: {error}",
                                             "write": write, "attempt": attempt})
                if attempt % len(endpoints) == len(endpoints) - 1:
                    time.sleep(ALL_ENDPOINTS_FAILED_PAUSE)
                continue
            with self.load.lock:
                self.load.written += 1
            return
        with self.load.lock:
            self.load.lost.append(write)

    def put(self, endpoint, write, fresh):
        if fresh:
            self.drop(endpoint)
        connection = self.connections.get(endpoint)
        if connection is None:
            tls = self.load.tls
            context = ssl.create_default_context(cafile=tls.cacert)
            context.load_cert_chain(tls.cert, tls.key)
            parts = urllib.parse.urlsplit(endpoint)
            connection = http.client.HTTPSConnection(parts.hostname, parts.port, context=context, timeout=5)
            self.connections[endpoint] = connection
        encode = lambda text: base64.b64encode(text.encode()).decode()
        body = json.dumps({"key": encode(key_of(write)), "value": encode(str(write))})
        connection.request("POST", "/v3/kv/put", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RuntimeError(f"HTTP {response.status}: {answer.decode(errors='replace').strip()}")

    def drop(self, endpoint):
        connection = self.connections.pop(endpoint, None)
        if connection is not None:
            connection.close()


def main():
    parser = argparse.ArgumentParser()
    for name in ("endpoints", "cacert", "cert", "key", "report"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--rate", type=float, default=100)
    arguments = parser.parse_args()
    load = Load(arguments)
    signal.signal(signal.SIGTERM, lambda *_: load.stop.set())
    workers = [Worker(load, number) for number in range(WORKERS)]
    for worker in workers:
        worker.start()
    print("writing", flush=True)
    for worker in workers:
        worker.join()
    with open(arguments.report, "w", encoding="utf-8") as report:
        json.dump(load.report(), report)


if __name__ == "__main__":
    main()
