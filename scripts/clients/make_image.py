#!/usr/bin/env python3
"""Makes an image with no engine: busybox and a file of random bytes.

    make_image.py oci DIR --mib 10 [--tag v1]          an OCI layout, layers compressed
    make_image.py tarball FILE --mib 10 --name a/b:v1  what `docker save` writes, layers plain
    make_image.py tarball FILE --no-manifest            the same without its manifest.json

Prints the image id (the digest of its configuration). Content differs at each call, so that a
push of it is a push of new bytes. Memory use does not grow with the size.
"""

import argparse
import hashlib
import io
import json
import os
import sys
import tarfile
import zlib

CHUNK = 1 << 20


class Hashed:
    """A file for writing that knows its digest and size."""

    def __init__(self, path):
        self.file, self.sha, self.size = open(path, "wb"), hashlib.sha256(), 0

    def write(self, data):
        self.file.write(data)
        self.sha.update(data)
        self.size += len(data)
        return len(data)

    def close(self):
        self.file.close()

    @property
    def hex(self):
        return self.sha.hexdigest()


class Gzip:
    """Stored gzip (level 0): the bytes are random, compressing them only costs time."""

    def __init__(self, sink):
        self.sink, self.z = sink, zlib.compressobj(0, zlib.DEFLATED, 31)

    def write(self, data):
        self.sink.write(self.z.compress(data))

    def close(self):
        self.sink.write(self.z.flush())


class Random(io.RawIOBase):
    def readable(self):
        return True

    def readinto(self, into):
        into[:] = os.urandom(len(into))
        return len(into)


class Tee:
    """What tarfile writes to: every byte goes to each of the sinks."""

    def __init__(self, *sinks):
        self.sinks = sinks

    def write(self, data):
        for sink in self.sinks:
            sink.write(data)
        return len(data)


class Diff:
    def __init__(self):
        self.sha = hashlib.sha256()

    def write(self, data):
        self.sha.update(data)


def add(tar, name, data=None, size=None, mode=0o644, link=None):
    info = tarfile.TarInfo(name)
    info.mode = mode
    if link:
        info.type, info.linkname = tarfile.SYMTYPE, link
        tar.addfile(info)
    elif data is not None:
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    else:
        info.size = size
        tar.addfile(info, io.BufferedReader(Random(), CHUNK))


def base_layer(tar):
    with open("/bin/busybox", "rb") as busybox:
        add(tar, "bin/busybox", data=busybox.read(), mode=0o755)
    for name in ("sh", "cat", "echo", "ls"):
        add(tar, f"bin/{name}", link="busybox")


def random_layer(mib):
    return lambda tar: add(tar, "payload.bin", size=mib * CHUNK)


def write_layer(fill, path, compressed):
    """Returns (diff id, digest, size) of the layer written to `path`."""
    out, diff = Hashed(path), Diff()
    gzip = Gzip(out) if compressed else None
    with tarfile.open(fileobj=Tee(diff, gzip or out), mode="w|", bufsize=CHUNK) as tar:
        fill(tar)
    if gzip:
        gzip.close()
    out.close()
    return diff.sha.hexdigest(), out.hex, out.size


def configuration(diff_ids):
    return json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": "2024-01-01T00:00:00Z",
            "config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"], "Labels": {"made.by": "make_image"}},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{d}" for d in diff_ids]},
            "history": [{"created": "2024-01-01T00:00:00Z", "created_by": "make_image"} for _ in diff_ids],
        }
    ).encode()


def oci(options):
    blobs = os.path.join(options.path, "blobs", "sha256")
    os.makedirs(blobs)

    def put(data):
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(blobs, digest), "wb") as file:
            file.write(data)
        return digest, len(data)

    layers = []
    for fill in (base_layer, random_layer(options.mib)):
        temporary = os.path.join(blobs, "new")
        diff, digest, size = write_layer(fill, temporary, compressed=True)
        os.rename(temporary, os.path.join(blobs, digest))
        layers.append((diff, digest, size))
    kind = "application/vnd.oci.image"
    config = configuration([layer[0] for layer in layers])
    config_digest, config_size = put(config)
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}.manifest.v1+json",
        "config": {"mediaType": f"{kind}.config.v1+json", "digest": f"sha256:{config_digest}", "size": config_size},
        "layers": [
            {"mediaType": f"{kind}.layer.v1.tar+gzip", "digest": f"sha256:{digest}", "size": size}
            for _, digest, size in layers
        ],
    }
    digest, size = put(json.dumps(manifest).encode())
    index = {
        "schemaVersion": 2,
        "manifests": [
            {
                "mediaType": f"{kind}.manifest.v1+json",
                "digest": f"sha256:{digest}",
                "size": size,
                "annotations": {"org.opencontainers.image.ref.name": options.tag},
            }
        ],
    }
    with open(os.path.join(options.path, "index.json"), "w") as file:
        json.dump(index, file)
    with open(os.path.join(options.path, "oci-layout"), "w") as file:
        json.dump({"imageLayoutVersion": "1.0.0"}, file)
    print(f"sha256:{config_digest}")


def tarball(options):
    layers = []
    for number, fill in enumerate((base_layer, random_layer(options.mib))):
        temporary = f"{options.path}.layer{number}"
        diff, _, size = write_layer(fill, temporary, compressed=False)
        layers.append((diff, temporary, size))
    config = configuration([layer[0] for layer in layers])
    name = hashlib.sha256(config).hexdigest()
    listing = [
        {
            "Config": f"{name}.json",
            "RepoTags": [options.name] if options.name else None,
            "Layers": [f"{diff}/layer.tar" for diff, _, _ in layers],
        }
    ]
    with tarfile.open(options.path, "w") as tar:
        for diff, temporary, size in layers:
            info = tarfile.TarInfo(f"{diff}/layer.tar")
            info.size = size
            with open(temporary, "rb") as layer:
                tar.addfile(info, layer)
            os.remove(temporary)
        add(tar, f"{name}.json", data=config)
        if not options.no_manifest:
            add(tar, "manifest.json", data=json.dumps(listing).encode())
    print(f"sha256:{name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("oci")
    command.set_defaults(make=oci)
    command.add_argument("path")
    command.add_argument("--mib", type=int, default=1)
    command.add_argument("--tag", default="v1")
    command = commands.add_parser("tarball")
    command.set_defaults(make=tarball)
    command.add_argument("path")
    command.add_argument("--mib", type=int, default=1)
    command.add_argument("--name")
    command.add_argument("--no-manifest", action="store_true", help="leave manifest.json out")
    options = parser.parse_args()
    options.make(options)


if __name__ == "__main__":
    sys.exit(main())
