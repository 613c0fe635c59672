#!/usr/bin/env python3
"""Pushes small images with several clients at once, and looks later whether all that was acknowledged is there.

    load.py push SERVER REPOSITORY TOKEN FILE [--secs 10] [--clients 4] [--large-every 5]
    load.py check SERVER REPOSITORY TOKEN FILE

`push` writes a line to FILE for each image whose manifest was acknowledged, and goes on until the time is over or
FILE.stop exists. It prints what was answered: how many images, statuses of what failed, the longest request. An answer
that is neither a success nor a 503 with Retry-After is an error, as is a connection that breaks. `check` reads every
image of FILE back and compares the digests of what comes.
"""

import argparse
import hashlib
import http.client
import json
import os
import sys
import threading
import time
import urllib.parse
from collections import Counter

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
# Longer than the server may take for anything.
PATIENCE_SECS = 60


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Client:
    """One connection, opened anew when it broke."""

    def __init__(self, args):
        self.at = urllib.parse.urlsplit(args.server).netloc
        self.base = f"/v2/{args.repository}"
        self.headers = {"Authorization": f"Bearer {args.token}"}
        self.connection = None

    def ask(self, method, path, body=None, headers=None):
        """Returns status, headers and body; raises OSError or HTTPException when the connection breaks."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.at, timeout=PATIENCE_SECS)
        try:
            self.connection.request(method, self.base + path, body, self.headers | (headers or {}))
            answer = self.connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            raise


class Load:
    def __init__(self, args):
        self.args, self.lock = args, threading.Lock()
        self.until = time.monotonic() + args.secs
        self.file = open(args.file, "a", buffering=1, encoding="ascii")
        self.images, self.failed, self.errors = 0, Counter(), []
        self.longest = self.last_image = 0.0
        self.started = time.monotonic()

    def is_over(self):
        return time.monotonic() > self.until or os.path.exists(self.args.file + ".stop")

    def request(self, client, *what):
        """Is whether it was acknowledged."""
        started = time.monotonic()
        try:
            status, headers, body = client.ask(*what)
        except (OSError, http.client.HTTPException) as error:
            status, headers, body = type(error).__name__, {}, str(error).encode()
        took = time.monotonic() - started
        with self.lock:
            self.longest = max(self.longest, took)
            if status == 201:
                return True
            self.failed[str(status)] += 1
            if status != 503 or not headers.get("Retry-After"):
                self.errors.append(f"{what[0]} {what[1].split('?')[0]}: {status} {body[:200].decode(errors='replace')}")
        time.sleep(0.1)
        return False

    def work(self, number):
        client, turn = Client(self.args), 0
        while not self.is_over():
            turn += 1
            size = 12_000_000 if turn % self.args.large_every == 0 else 100_000
            self.image(client, f"c{number}-{os.getpid()}-{turn}", os.urandom(size))

    def image(self, client, tag, layer):
        config = json.dumps({"architecture": "amd64", "os": "linux", "tag": tag}).encode()
        for blob in (config, layer):
            if not self.request(client, "POST", f"/blobs/uploads/?digest={digest_of(blob)}", blob):
                return
        describe = lambda kind, blob: {"mediaType": kind, "digest": digest_of(blob), "size": len(blob)}
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": describe("application/vnd.oci.image.config.v1+json", config),
            "layers": [describe("application/vnd.oci.image.layer.v1.tar", layer)],
        }).encode()
        if self.request(client, "PUT", f"/manifests/{tag}", manifest, {"Content-Type": MANIFEST}):
            with self.lock:
                self.images += 1
                self.last_image = time.monotonic() - self.started
                self.file.write(f"{tag} {digest_of(manifest)}\n")

    def run(self):
        threads = [threading.Thread(target=self.work, args=(n,)) for n in range(self.args.clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        failed = ", ".join(f"{count} x {status}" for status, count in self.failed.items()) or "none"
        print(f"images: {self.images}; failed requests: {failed}; longest: {self.longest:.1f} s; "
              f"last image after {self.last_image:.1f} of {time.monotonic() - self.started:.1f} s")
        for error in self.errors[:10]:
            print(f"error: {error}")
        return not self.errors and self.images > 0


def check(args):
    client, wrong, images = Client(args), [], 0
    for line in open(args.file, encoding="ascii"):
        tag, expected = line.split()
        images += 1
        try:
            status, _, manifest = client.ask("GET", f"/manifests/{tag}", None, {"Accept": MANIFEST})
            if status != 200 or digest_of(manifest) != expected:
                wrong.append(f"manifest {tag}: {status}")
                continue
            document = json.loads(manifest)
            for blob in [document["config"], *document["layers"]]:
                status, _, data = client.ask("GET", f"/blobs/{blob['digest']}")
                if status != 200 or digest_of(data) != blob["digest"]:
                    wrong.append(f"blob {blob['digest']} of {tag}: {status}, {len(data)} bytes")
        except (OSError, http.client.HTTPException) as error:
            wrong.append(f"{tag}: {error!r}")
    print(f"images: {images}, wrong: {len(wrong)}")
    for line in wrong[:10]:
        print(line)
    return images > 0 and not wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["push", "check"])
    for name in ("server", "repository", "token", "file"):
        parser.add_argument(name)
    parser.add_argument("--secs", type=float, default=10)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--large-every", type=int, default=5)
    args = parser.parse_args()
    sys.exit(0 if (Load(args).run() if args.what == "push" else check(args)) else 1)


if __name__ == "__main__":
    main()
