#!/usr/bin/env python3
"""Writes many keys to an etcd cluster, 128 a transaction (etcd's --max-txn-ops), as fast as it takes them.

    fill_etcd.py --endpoints https://10.0.0.11:2379,... --cacert FILE --cert FILE --key FILE [--count 100000] [--size 100]

Key and value follow from the number alone. It speaks to etcd's JSON gateway, which needs no more than Python.
"""

import argparse
import base64
import hashlib
import http.client
import json
import ssl
import threading
import urllib.parse

WORKERS = 4
BATCH = 128


def pair(number, size):
    """Key and value NUMBER."""
    text = hashlib.sha256(str(number).encode()).hexdigest()
    return f"fill/{number:08d}", (text * (size // len(text) + 1))[:size]


def put(number, size):
    key, value = (base64.b64encode(part.encode()).decode() for part in pair(number, size))
    return {"requestPut": {"key": key, "value": value}}


class Worker(threading.Thread):
    def __init__(self, arguments, number):
        super().__init__()
        self.arguments = arguments
        self.number = number
        self.error = None

    def run(self):
        try:
            self.fill()
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def fill(self):
        endpoints = self.arguments.endpoints.split(",")
        parts = urllib.parse.urlsplit(endpoints[self.number % len(endpoints)])
        context = ssl.create_default_context(cafile=self.arguments.cacert)
        context.load_cert_chain(self.arguments.cert, self.arguments.key)
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, context=context, timeout=30)
        count = self.arguments.count
        for begin in range(self.number * BATCH, count, WORKERS * BATCH):
            body = json.dumps({"success": [put(n, self.arguments.size) for n in range(begin, min(begin + BATCH, count))]})
            connection.request("POST", "/v3/kv/txn", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
            if response.status != 200:
                raise RuntimeError(f"HTTP {response.status}: {answer.decode(errors='replace').strip()}")


def main():
    parser = argparse.ArgumentParser()
    for name in ("endpoints", "cacert", "cert", "key"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--count", type=int, default=100000)
    parser.add_argument("--size", type=int, default=100)
    arguments = parser.parse_args()
    workers = [Worker(arguments, number) for number in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        if worker.error is not None:
            raise worker.error


if __name__ == "__main__":
    main()
