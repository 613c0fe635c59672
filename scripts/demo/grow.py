"""Many small repositories, and many tags in one, for measurements."""

import random
from concurrent.futures import ThreadPoolExecutor

import images
from content import Repository

REPOSITORIES = 10_000
TAGS = 1_000
WORKERS = 8
OWNER = {"name": "bulk", "password": "bulk of many boxes"}
SEED = 10_000
KINDS = "amber brisk cobalt dusty early faint grand hollow iron jolly keen lunar misty noble open plain".split()
THINGS = "anchor barge canal dredger engine ferry gantry hoist inlet jetty keel lighter mole navvy oakum pier".split()


class Small(Repository):
    """A repository of one small image."""

    def __init__(self, name, description):
        self.name, self.owner, self.description, self.readme = name, OWNER["name"], description, None
        self.visibility = "public"
        step = {"by": "COPY box /usr/bin/", "files": ["usr/bin/box"], "kib": 1, "share": "box"}
        self.about, self.releases = {"name": name, "image": {"cmd": ["box"]}, "step": [step]}, []


class Growth:
    def __init__(self, hub, tell):
        self.hub, self.tell, self.images = hub, tell, images.Images({})
        self.done = 0

    def run(self):
        self.hub.passwords[OWNER["name"]] = OWNER["password"]
        self.hub.sign_up(OWNER)
        chance = random.Random(SEED)
        small = [self._named(chance, at) for at in range(REPOSITORIES)]
        many = Small(f"{OWNER['name']}/many-tags", f"{TAGS} tags in one repository.")
        # The first has the blobs that the others mount.
        self._repository(many)
        with ThreadPoolExecutor(WORKERS) as pool:
            for _ in pool.map(self._repository, small):
                self._count("repositories", REPOSITORIES)
            self.done = 0
            for _ in pool.map(lambda at: self._tag(many, at), range(TAGS)):
                self._count("tags", TAGS)

    @staticmethod
    def _named(chance, at):
        kind, thing, use = chance.choice(KINDS), chance.choice(THINGS), chance.choice(THINGS)
        return Small(f"{OWNER['name']}/{kind}-{thing}-{at:05}", f"A {kind} {thing} for the {use}.")

    def _repository(self, repository):
        self.hub.create(repository)
        self.hub.push(repository, self.images.build(repository, "1.0.0", "2026-01-01T00:00:00Z"), ["1.0.0"])

    def _tag(self, repository, at):
        version = f"{at // 100 + 1}.{at // 10 % 10}.{at % 10 + 1}"
        self.hub.push(repository, self.images.build(repository, version, "2026-01-01T00:00:00Z"), [version])

    def _count(self, what, whole):
        self.done += 1
        if self.done % 100 == 0:
            self.tell(f"{what}: {self.done} of {whole}")
