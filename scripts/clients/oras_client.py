#!/usr/bin/env python3
"""Drives the oras package against a registry over plain http; prints what came of it.

    oras_client.py HOST push NAME:TAG [FILE...]            prints the digest of the manifest
    oras_client.py HOST attach NAME:TAG SUBJECT FILE       FILE as an artifact about SUBJECT, a tag
    oras_client.py HOST referrers NAME DIGEST [TYPE]       prints the digest of each, one a line
    oras_client.py HOST pull NAME:TAG DIR                  prints the path of each file
    oras_client.py HOST tags NAME
    oras_client.py HOST delete NAME:TAG

With $ORAS_USER and $ORAS_SECRET, as nobody without. Fails with the registry's own words.
"""

import json
import logging
import os
import sys

import oras.client  # first: the package's parts import each other in a circle
import oras.decorator
import oras.oci
import oras.provider

# A refusal is final here; the package would try five times over two minutes.
oras.decorator.time.sleep = lambda seconds: None

ATTACHED = "application/vnd.example.note"


# These ask before they write. The package keeps the token that it got for asking and never asks for
# one that reaches further, so they send the password each time instead.
WRITERS = ("push", "attach", "delete")


class Client:
    def __init__(self, host, command):
        user = os.environ.get("ORAS_USER")
        backend = "basic" if user and command in WRITERS else "token"
        self.host = host
        self.registry = oras.provider.Registry(host, insecure=True, auth_backend=backend)
        if user:
            self.registry.auth.set_basic_auth(user, os.environ["ORAS_SECRET"])

    def push(self, name, *files, **more):
        pushed = self.registry.push(
            target=f"{self.host}/{name}", files=list(files), disable_path_validation=True, **more
        )
        return pushed.headers["docker-content-digest"]

    def attach(self, name, subject, file):
        url = f"http://{self.host}/v2/{name.split(':')[0]}/manifests/{subject}"
        answer = self.ask(url, "HEAD", {"accept": oras.defaults.default_manifest_media_type})
        about = oras.oci.Subject(
            mediaType=answer.headers["content-type"],
            digest=answer.headers["docker-content-digest"],
            size=int(answer.headers["content-length"]),
        )
        # The type of the configuration is that of the artifact, as long as none is named.
        with open("empty.json", "w") as config:
            config.write("{}")
        digest = self.push(name, file, subject=about, manifest_config=f"empty.json:{ATTACHED}", do_chunked=True)
        return digest

    def referrers(self, name, digest, artifact_type=None):
        query = f"?artifactType={artifact_type}" if artifact_type else ""
        answer = self.ask(f"http://{self.host}/v2/{name}/referrers/{digest}{query}", "GET")
        index = answer.json()
        print(json.dumps(index), file=sys.stderr)
        return "\n".join(each["digest"] for each in index["manifests"])

    def pull(self, name, folder):
        return "\n".join(self.registry.pull(target=f"{self.host}/{name}", outdir=folder))

    def tags(self, name):
        return "\n".join(self.registry.get_tags(f"{self.host}/{name}"))

    def delete(self, name):
        repository, tag = name.split(":")
        return self.registry.delete_tag(f"{self.host}/{repository}", tag)

    def ask(self, url, method, headers=None):
        answer = self.registry.do_request(url, method, headers=headers)
        if answer.status_code != 200:
            sys.exit(f"{method} {url}: {answer.status_code} {answer.text}")
        return answer


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    logging.basicConfig(level=logging.INFO)
    host, command, *arguments = sys.argv[1:]
    try:
        print(getattr(Client(host, command), command)(*arguments))
    except Exception as error:
        sys.exit(f"{command}: {error}")


if __name__ == "__main__":
    main()
