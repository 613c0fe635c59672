"""Layers: gzip tarballs of a few files, the same bytes for the same seed."""

import hashlib
import io
import random
import tarfile
import zlib

# Time of every file in a layer: 2026-01-01, so that bytes don't depend on the day.
FILE_TIME = 1_767_225_600
TEXT_ENDINGS = (".md", ".txt", ".conf", ".json", ".yaml", ".yml", ".toml", ".py", ".js", ".css", ".html", ".sh", ".sql")
WORDS = "listen server queue table worker retry cache token route build layer volume index cluster sample port".split()


class Layer:
    """A layer as it is pushed: compressed bytes, their digest, and the digest of what they unpack to."""

    def __init__(self, data, diff_id):
        self.data, self.diff_id = data, diff_id
        self.digest = digest_of(data)


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def make(seed, files, kib):
    """Makes a layer of about `kib` KiB; `a -> b` among the files is a link, a name with a slash at its end a folder."""
    chance, tar_bytes = random.Random(seed), io.BytesIO()
    contents = [name for name in files if " -> " not in name and not name.endswith("/")]
    with tarfile.open(fileobj=tar_bytes, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for folder in _folders(files):
            _add(tar, folder, tarfile.DIRTYPE, 0o755)
        for name in files:
            path, _, target = name.partition(" -> ")
            if target:
                _add(tar, path, tarfile.SYMTYPE, 0o777, link=target)
            elif not name.endswith("/"):
                _add(tar, name, tarfile.REGTYPE, _mode(name), _content(chance, name, kib * 1024 // len(contents)))
    plain = tar_bytes.getvalue()
    gzip = zlib.compressobj(1, zlib.DEFLATED, 31)
    return Layer(gzip.compress(plain) + gzip.flush(), digest_of(plain))


def _folders(files):
    found = set()
    for name in files:
        parts = name.partition(" -> ")[0].split("/")[:-1]
        found.update("/".join(parts[:count]) for count in range(1, len(parts) + 1))
    return sorted(found)


def _add(tar, name, kind, mode, data=b"", link=""):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.mtime, info.linkname, info.size = kind, mode, FILE_TIME, link, len(data)
    tar.addfile(info, io.BytesIO(data) if kind == tarfile.REGTYPE else None)


def _mode(name):
    is_program = "bin/" in name or name.endswith((".sh", ".so")) or "." not in name.rsplit("/", 1)[-1]
    return 0o755 if is_program else 0o644


def _content(chance, name, size):
    """Text for names of texts, a few lines of it; for others bytes that don't compress."""
    if ".wh." in name:  # a whiteout says that the file below is gone, and has no content
        return b""
    if not name.endswith(TEXT_ENDINGS):
        return chance.randbytes(max(size, 16))
    lines, length = [f"# {name}"], 0
    while length < min(size, 24 * 1024):
        line = f"{chance.choice(WORDS)}_{chance.randrange(1000)} = {chance.choice(WORDS)}-{chance.getrandbits(48):x}"
        lines.append(line)
        length += len(line) + 1
    return ("\n".join(lines) + "\n").encode()
