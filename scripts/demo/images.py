"""Makes the documents of an image: its configuration, its manifest, and an index of several."""

import artifacts
import layers
from documents import KINDS, Blob, Document, describe, to_json

# Where a setting of image.toml goes in the configuration.
SETTINGS = {"user": "User", "workdir": "WorkingDir", "entrypoint": "Entrypoint", "cmd": "Cmd", "env": "Env"}
SETTINGS |= {"stop_signal": "StopSignal", "shell": "Shell", "on_build": "OnBuild"}
SECOND = 1_000_000_000


class Images:
    """Builds images from their descriptions; layers are made once and kept."""

    def __init__(self, bases):
        self._bases, self._layers = bases, {}

    def build(self, repository, version, created):
        """Is the document that a version's tags point to: an image, an index of several, or an artifact."""
        about = repository.about
        if "artifact" in about:
            return artifacts.artifact(about["artifact"], version, created)
        platforms = about["image"].get("platforms", ["linux/amd64"])
        images = [self._image(repository, version, created, platform) for platform in platforms]
        if len(images) == 1:
            return images[0]
        kind = KINDS[about["image"].get("kind", "oci")]
        entries = [image.descriptor(platform=platform_of(name)) for image, name in zip(images, platforms)]
        if about["image"].get("attested"):
            attestations = [artifacts.attestation(image, repository.name) for image in images]
            images += attestations
            entries += [document.descriptor(**document.entry) for document in attestations]
        value = {"schemaVersion": 2, "mediaType": kind["index"], "manifests": entries}
        return Document(kind["index"], value, children=images)

    def _image(self, repository, version, created, platform):
        about = repository.about["image"]
        kind, history, diff_ids, entries, blobs = KINDS[about.get("kind", "oci")], [], [], [], []
        for step in self._steps(repository, version, platform):
            history.append({"created": created, "created_by": step["by"]})
            if step.get("comment", True):
                history[-1]["comment"] = "buildkit.dockerfile.v0"
            if "files" not in step:
                history[-1]["empty_layer"] = True
                continue
            layer = self._layer(step["seed"], step["files"], step.get("kib", 1))
            diff_ids.append(layer.diff_id)
            entries.append(describe(layer, kind["layer"]))
            blobs.append(layer)
        value = {"created": created, **platform_of(platform), "config": settings(about, repository, version, created)}
        value["rootfs"] = {"type": "layers", "diff_ids": diff_ids}
        if about.get("history", True):
            value["history"] = history
        config = Blob(to_json(value))
        manifest = {"schemaVersion": 2, "mediaType": kind["manifest"]}
        manifest |= {"config": describe(config, kind["config"]), "layers": entries}
        if about.get("annotations"):
            manifest["annotations"] = about["annotations"]
        return Document(kind["manifest"], manifest, [config, *blobs])

    def _steps(self, repository, version, platform):
        """Is each step of the base and of the image itself, with the seed of its layer.

        A step's `per` says what its layer depends on: `version` (the default), `platform`, or nothing at all
        (`any`). One with a `share` name is the same layer in every repository that names it.
        """
        base = self._bases.get(repository.about["image"].get("base", ""), {})
        for at, step in enumerate(base.get("step", [])):
            yield {**step, "seed": f"{step.get('share') or (base['name'], at)} {platform}"}
        for at, step in enumerate(repository.about.get("step", [])):
            seed = step.get("share") or f"{repository.name} {at}"
            per = "platform" if "share" in step else step.get("per", "version")
            seed += {"version": f" {version} {platform}", "platform": f" {platform}", "any": ""}[per]
            yield {**step, "seed": seed, "by": step["by"].replace("$VERSION", version)}

    def _layer(self, seed, files, kib):
        key = (seed, kib)
        if key not in self._layers:
            self._layers[key] = layers.make(seed, files, kib)
        return self._layers[key]


def platform_of(name):
    system, architecture, *variant = name.split("/")
    made = {"architecture": architecture, "os": system}
    if variant:
        made["variant"] = variant[0]
    if system == "windows":
        made["os.version"] = "10.0.20348.2700"
    return made


def settings(about, repository, version, created):
    """Is the `config` part of a configuration: how a container of the image starts."""
    made = {key: about[name] for name, key in SETTINGS.items() if name in about}
    made.setdefault("Env", ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"])
    for name, key in (("ports", "ExposedPorts"), ("volumes", "Volumes")):
        if name in about:
            made[key] = {value: {} for value in about[name]}
    if "health" in about:
        times = {"Interval": 30 * SECOND, "Timeout": 5 * SECOND, "StartPeriod": 10 * SECOND, "Retries": 3}
        made["Healthcheck"] = {"Test": ["CMD-SHELL", about["health"]], **times}
    labels = dict(repository.about.get("labels", {}))
    if labels:
        revision = layers.digest_of(f"{repository.name} {version}".encode())[7:47]
        labels |= {"org.opencontainers.image.version": version, "org.opencontainers.image.revision": revision}
        made["Labels"] = labels | {"org.opencontainers.image.created": created}
    return made
