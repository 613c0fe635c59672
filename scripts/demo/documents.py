"""Manifests and indexes, the blobs they name, and media types."""

import json

import layers

OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker"
EMPTY = "application/vnd.oci.empty.v1+json"
# Media types of the parts of an image: OCI's, and docker's own for images that old engines made.
KINDS = {
    "oci": {
        "config": f"{OCI}.config.v1+json",
        "layer": f"{OCI}.layer.v1.tar+gzip",
        "manifest": f"{OCI}.manifest.v1+json",
        "index": f"{OCI}.index.v1+json",
    },
    "docker": {
        "config": f"{DOCKER}.container.image.v1+json",
        "layer": f"{DOCKER}.image.rootfs.diff.tar.gzip",
        "manifest": f"{DOCKER}.distribution.manifest.v2+json",
        "index": f"{DOCKER}.distribution.manifest.list.v2+json",
    },
}


class Blob:
    """Bytes with their digest."""

    def __init__(self, data):
        self.data, self.digest = data, layers.digest_of(data)


class Document:
    """A manifest or an index, with the blobs that must be there first and the manifests it lists."""

    def __init__(self, media_type, value, blobs=(), children=()):
        self.media_type, self.value = media_type, value
        self.data = json.dumps(value, indent=2).encode()
        self.digest, self.blobs, self.children = layers.digest_of(self.data), list(blobs), list(children)

    def descriptor(self, **more):
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data), **more}


def describe(blob, media_type, **more):
    """Is the descriptor of a blob: a Blob or a layer."""
    return {"mediaType": media_type, "digest": blob.digest, "size": len(blob.data), **more}


def to_json(value):
    return json.dumps(value).encode()
