"""Reads what the demonstration holds: `accounts.toml`, `bases.toml`, and a folder for each repository."""

import itertools
import os
import re
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
DAYS = 14
# {1-3} in a pattern of a series: every number from 1 to 3.
RANGE = re.compile(r"\{(\d+)-(\d+)\}")


class Release:
    """One push of a version: on which day, under which tags, with what attached.

    The tag of a nightly build, `nightly-0` and so on, becomes one with a date when it is pushed.
    """

    def __init__(self, day, version, tags, attach=(), is_nightly=False):
        self.day, self.version, self.tags, self.attach = day, version, list(tags), list(attach)
        self.is_nightly = is_nightly


class Repository:
    """One folder: `image.toml`, and `README.md` unless the repository has none."""

    def __init__(self, folder):
        with open(os.path.join(folder, "image.toml"), "rb") as file:
            self.about = tomllib.load(file)
        self.name = self.about["name"]
        self.owner = self.name.split("/", 1)[0]
        self.readme = _read(os.path.join(folder, "README.md"))
        self.visibility = self.about.get("visibility", "public")
        self.description = self.about.get("description", "")
        self.releases = _releases(self.about)
        days = [release.day for release in self.releases]
        self.created_day = self.about.get("created", min(days, default=DAYS // 2))

    @property
    def is_public(self):
        return self.visibility == "public"


def accounts():
    return _toml("accounts.toml")["account"]


def bases():
    return _toml("bases.toml")


def repositories():
    top = os.path.join(HERE, "repositories")
    return [Repository(os.path.join(top, name)) for name in sorted(os.listdir(top))]


def _toml(name):
    with open(os.path.join(HERE, name), "rb") as file:
        return tomllib.load(file)


def _read(path):
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return file.read()


def _releases(about):
    """Is every push of a repository in order: single ones, series of versions, and one a night."""
    found = [Release(**release) for release in about.get("release", [])]
    for series in about.get("series", []):
        found += _series(**series)
    if "nightly" in about:
        nights = ((day, f"nightly-{day}") for day in range(DAYS))
        found += [Release(day, name, [name, *about["nightly"]], is_nightly=True) for day, name in nights]
    return sorted(found, key=lambda release: release.day)


def _series(pattern, first_day=0, last_day=DAYS - 1, pre=(), moving=()):
    """Spreads the versions of a pattern over days; each moves its minor, its major and the `moving` tags.

    A version x.y.0 has the candidates named by `pre` before it.
    """
    versions = list(_expand(pattern))
    for at, version in enumerate(versions):
        day = first_day + at * (last_day - first_day + 1) // len(versions)
        if version.endswith(".0"):
            yield from (Release(day, version + suffix, [version + suffix]) for suffix in pre)
        major, minor, _ = version.split(".")
        yield Release(day, version, [version, f"{major}.{minor}", major, *moving])


def _expand(pattern):
    parts = RANGE.split(pattern)
    # Text, from, to, text, from, to, text: each pair of numbers is one range.
    texts = parts[0::3]
    ranges = [range(int(a), int(b) + 1) for a, b in zip(parts[1::3], parts[2::3])]
    for numbers in itertools.product(*ranges):
        yield texts[0] + "".join(f"{number}{text}" for number, text in zip(numbers, texts[1:]))
