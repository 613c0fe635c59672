"""Makes what is no image: artifacts, attestations beside an image, signatures and lists that hang on one."""

import json

import layers
from documents import EMPTY, KINDS, Blob, Document, describe, to_json

MANIFEST = KINDS["oci"]["manifest"]
SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"
SIGNED = "application/vnd.dev.cosign.simplesigning.v1+json"
SBOM = "application/spdx+json"
STATEMENT = "application/vnd.in-toto+json"
NOTHING = Blob(b"{}")
PROVENANCE = "https://slsa.dev/provenance/v0.2"


def artifact(about, version, created):
    """Is a manifest that is no image: a chart, a model."""
    config = Blob(to_json({**about["config"], "version": version}) if "config" in about else b"{}")
    packed = layers.make(f"{about['title']} {version}", about["files"], about.get("kib", 4))
    title = f"{about['title']}-{version}.tgz"
    entry = describe(packed, about["layer_type"], annotations={"org.opencontainers.image.title": title})
    value = {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": about["type"]}
    value |= {"config": describe(config, about.get("config_type", EMPTY)), "layers": [entry]}
    notes = {"org.opencontainers.image.created": created, "org.opencontainers.image.version": version}
    value["annotations"] = notes | about.get("annotations", {})
    return Document(MANIFEST, value, [config, packed])


def attestation(image, name):
    """Is the provenance that build tools put beside an image, as an entry of its index for no platform."""
    statement = {"_type": "https://in-toto.io/Statement/v0.1", "predicateType": PROVENANCE}
    statement["subject"] = [{"name": f"pkg:docker/{name}", "digest": {"sha256": image.digest[7:]}}]
    data = Blob(to_json(statement))
    entry = describe(data, STATEMENT, annotations={"in-toto.io/predicate-type": PROVENANCE})
    platform = {"architecture": "unknown", "os": "unknown"}
    config = Blob(to_json({**platform, "rootfs": {"type": "layers", "diff_ids": [entry["digest"]]}}))
    value = {"schemaVersion": 2, "mediaType": MANIFEST}
    value |= {"config": describe(config, KINDS["oci"]["config"]), "layers": [entry]}
    made = Document(MANIFEST, value, [config, data])
    notes = {"vnd.docker.reference.digest": image.digest, "vnd.docker.reference.type": "attestation-manifest"}
    made.entry = {"platform": platform, "annotations": notes}
    return made


def referrer(kind, subject, created, name):
    """Is an artifact that hangs on another manifest: a `signature`, or an `sbom`, a list of what is inside."""
    made = {"signature": _signature, "sbom": _sbom}[kind]
    artifact_type, media_type, payload, notes = made(subject, created, name)
    data = Blob(json.dumps(payload, indent=1).encode())
    value = {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": artifact_type, "config": describe(NOTHING, EMPTY)}
    value |= {"layers": [describe(data, media_type, annotations=notes)], "subject": subject.descriptor()}
    value["annotations"] = {"org.opencontainers.image.created": created}
    return Document(MANIFEST, value, [NOTHING, data])


def _signature(subject, _created, name):
    """Looks like a signature; no key has signed anything."""
    image = {"docker-manifest-digest": subject.digest}
    payload = {"critical": {"identity": {"docker-reference": name}, "image": image, "type": "sample"}}
    notes = {"dev.cosignproject.cosign/signature": layers.digest_of(subject.data)[7:]}
    return SIGNATURE, SIGNED, payload, notes


def _sbom(_subject, created, name):
    packages = [
        {"SPDXID": f"SPDXRef-{at}", "name": word, "versionInfo": f"1.{at}.0"} for at, word in enumerate(layers.WORDS)
    ]
    payload = {"spdxVersion": "SPDX-2.3", "name": name, "creationInfo": {"created": created}, "packages": packages}
    return SBOM, SBOM, payload, {}
