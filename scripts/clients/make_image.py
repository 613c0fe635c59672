#!/usr/bin/env python3
"""Makes an image with no engine: busybox and a file of random bytes.

    make_image.py oci DIR --mib 10 [--tag v1]          an OCI layout, layers compressed
    make_image.py oci DIR --platform linux/amd64 --platform linux/arm64   an index of two images
    make_image.py tarball FILE --mib 10 --name a/b:v1  what `docker save` writes, layers plain
    make_image.py tarball FILE --no-manifest            the same without its manifest.json
    make_image.py artifact DIR                          an OCI layout of a manifest with no layers

`--layers 100` makes an image of that many layers, `--empty-layer` adds one with nothing in it.
Prints the image id (the digest of its configuration; of an index, that of its first image).
Content differs at each call, so that a push of it is a push of new bytes. Memory use does not
grow with the size.
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


def small_layer(number):
    return lambda tar: add(tar, f"layer-{number}.bin", size=1000)


def layers_of(options):
    """What fills each layer; None for one with nothing in it."""
    fills = [base_layer, random_layer(options.mib)]
    fills += [small_layer(number) for number in range(len(fills), options.layers)]
    return fills + [None] * options.empty_layer


def write_layer(fill, path, compressed):
    """Returns (diff id, digest, size) of the layer written to `path`."""
    out, diff = Hashed(path), Diff()
    gzip = Gzip(out) if compressed else None
    sink = Tee(diff, gzip or out)
    if fill:
        with tarfile.open(fileobj=sink, mode="w|", bufsize=CHUNK) as tar:
            fill(tar)
    else:
        sink.write(bytes(1024))  # the empty layer that every engine knows
    if gzip:
        gzip.close()
    out.close()
    return diff.sha.hexdigest(), out.hex, out.size


def configuration(diff_ids, platform="linux/amd64"):
    system, architecture = platform.split("/")
    return json.dumps(
        {
            "architecture": architecture,
            "os": system,
            "created": "2024-01-01T00:00:00Z",
            "config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"], "Labels": {"made.by": "make_image"}},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{d}" for d in diff_ids]},
            "history": [{"created": "2024-01-01T00:00:00Z", "created_by": "make_image"} for _ in diff_ids],
        }
    ).encode()


KIND = "application/vnd.oci.image"


class Layout:
    """An OCI layout: a folder of blobs, and one manifest or index that its index.json names."""

    def __init__(self, path):
        self.path, self.blobs = path, os.path.join(path, "blobs", "sha256")
        os.makedirs(self.blobs)

    def put(self, data, media_type):
        """Returns the descriptor of a small blob."""
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(self.blobs, digest), "wb") as file:
            file.write(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def put_json(self, value):
        return self.put(json.dumps(value).encode(), value["mediaType"])

    def put_layer(self, fill):
        """Returns (diff id, descriptor)."""
        temporary = os.path.join(self.blobs, "new")
        diff, digest, size = write_layer(fill, temporary, compressed=True)
        os.rename(temporary, os.path.join(self.blobs, digest))
        return diff, {"mediaType": f"{KIND}.layer.v1.tar+gzip", "digest": f"sha256:{digest}", "size": size}

    def finish(self, descriptor, tag):
        named = {**descriptor, "annotations": {"org.opencontainers.image.ref.name": tag}}
        with open(os.path.join(self.path, "index.json"), "w") as file:
            json.dump({"schemaVersion": 2, "manifests": [named]}, file)
        with open(os.path.join(self.path, "oci-layout"), "w") as file:
            json.dump({"imageLayoutVersion": "1.0.0"}, file)


def manifest(config, layers, **more):
    return {"schemaVersion": 2, "mediaType": f"{KIND}.manifest.v1+json", "config": config, "layers": layers, **more}


def oci(options):
    layout = Layout(options.path)
    images = []
    for platform in options.platform or ["linux/amd64"]:
        layers = [layout.put_layer(fill) for fill in layers_of(options)]
        data = configuration([diff for diff, _ in layers], platform)
        config = layout.put(data, f"{KIND}.config.v1+json")
        image = layout.put_json(manifest(config, [layer for _, layer in layers]))
        images.append((config, image, platform))
    named = images[0][1]
    if options.platform:
        manifests = []
        for _, image, platform in images:
            system, architecture = platform.split("/")
            manifests.append({**image, "platform": {"os": system, "architecture": architecture}})
        named = layout.put_json({"schemaVersion": 2, "mediaType": f"{KIND}.index.v1+json", "manifests": manifests})
    layout.finish(named, options.tag)
    print(images[0][0]["digest"])


def artifact(options):
    layout = Layout(options.path)
    config = layout.put(b"{}", "application/vnd.oci.empty.v1+json")
    # Something of its own, as nothing else would differ.
    annotations = {"org.example.nonce": os.urandom(16).hex()}
    made = manifest(config, [], artifactType="application/vnd.example.note", annotations=annotations)
    layout.finish(layout.put_json(made), options.tag)
    print(config["digest"])


def tarball(options):
    layers = []
    for number, fill in enumerate(layers_of(options)):
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
    made = {}
    for make in (oci, tarball, artifact):
        made[make] = command = commands.add_parser(make.__name__)
        command.set_defaults(make=make)
        command.add_argument("path")
    for make in (oci, tarball):
        made[make].add_argument("--mib", type=int, default=1)
        made[make].add_argument("--layers", type=int, default=2, metavar="N", help="at least two")
        made[make].add_argument("--empty-layer", action="store_true")
    for make in (oci, artifact):
        made[make].add_argument("--tag", default="v1")
    made[oci].add_argument("--platform", action="append", metavar="OS/ARCHITECTURE")
    made[tarball].add_argument("--name")
    made[tarball].add_argument("--no-manifest", action="store_true", help="leave manifest.json out")
    options = parser.parse_args()
    options.make(options)


if __name__ == "__main__":
    sys.exit(main())
