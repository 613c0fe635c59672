"""Two weeks of life: each simulated half day the server is started on a clock of its own, and things happen."""

import datetime
import random
import time
from concurrent.futures import ThreadPoolExecutor

import artifacts
import images
from content import DAYS
from server import Server

SEED = 20260102
WORKERS = 6
HOUR, DAY = 3600, 24 * 3600
# Pulls of a Monday to a Sunday, as parts of an ordinary day.
WEEK = (1.0, 1.1, 1.05, 1.0, 0.85, 0.4, 0.3)
# The two times of a day that things happen at, in hours before the hour at which the demonstration is made.
HALVES = ((-11.0, -7.0), (-4.0, -0.5))


class Fortnight:
    """Fills a data folder through the public API, day by day."""

    def __init__(self, program, data, hub, repositories, bases):
        self.program, self.data, self.hub, self.repositories = program, data, hub, repositories
        self.images, self.chance, self.now = images.Images(bases), random.Random(SEED), time.time()
        self.pushed = {}  # the tags of each repository so far
        self.documents = {}  # what each version became
        self.counts = dict.fromkeys(("pushes", "pulls", "stars"), 0)

    def run(self, accounts, tell):
        for day in range(DAYS):
            tell(f"day {day + 1} of {DAYS}")
            for half, hours in enumerate(HALVES):
                shift = (day - DAYS + 1) * DAY + int(self.chance.uniform(*hours) * HOUR)
                with Server(self.program, self.data, shift_secs=shift, arguments=("--gc-interval", "never")) as server:
                    self.hub.connect(server.address)
                    try:
                        if (day, half) == (0, 0):
                            self._sign_up(server, accounts)
                        self._live(day, half, shift)
                    finally:
                        self.hub.client.close()

    def _sign_up(self, server, accounts):
        key = server.read_setup_key()
        for account in accounts:
            self.hub.sign_up(account, setup_key=key if account.get("is_admin") else None)

    def _live(self, day, half, shift):
        when = datetime.datetime.fromtimestamp(self.now + shift, datetime.timezone.utc)
        with ThreadPoolExecutor(WORKERS) as pool:
            if half == 0:
                new = [repository for repository in self.repositories if repository.created_day == day]
                _all(pool, self.hub.create, new)
            _all(pool, lambda repository: self._push(repository, day, half, when), self.repositories)
            _all(pool, lambda pull: self.hub.pull(*pull), self._pulls(day, when))
            done = pool.map(lambda star: self.hub.star(*star), self._stars(day, half))
            self.counts["stars"] += sum(done)

    def _push(self, repository, day, half, when):
        """Pushes what a repository releases in this half of a day: every other one."""
        todays = [release for release in repository.releases if release.day == day]
        created = when.replace(microsecond=0, tzinfo=None).isoformat() + "Z"
        for release in todays[half::2]:
            version, tags = release.version, release.tags
            if release.is_nightly:
                version = f"nightly-{self._date(day):%Y-%m-%d}"
                tags = [version, *tags[1:]]
            document = self.images.build(repository, version, created)
            self.hub.push(repository, document, tags)
            for kind in release.attach:
                self.hub.push(repository, artifacts.referrer(kind, document, created, repository.name))
            known = self.pushed.setdefault(repository.name, [])
            known += [tag for tag in tags if tag not in known]
            self.counts["pushes"] += 1

    def _date(self, day):
        """Is the date of a day; the halves of it may be on two dates."""
        return datetime.datetime.fromtimestamp(self.now + (day - DAYS + 1) * DAY, datetime.timezone.utc).date()

    def _pulls(self, day, when):
        """Is who pulls what: favourite repositories more, weekends less, `latest` and the newest tags most."""
        found = []
        for repository in self.repositories:
            tags = self.pushed.get(repository.name, [])
            popularity = repository.about.get("popularity", 2)
            # Some become more popular, some less.
            trend = 1 + repository.about.get("trend", 0) * (day / (DAYS - 1) - 0.5)
            expected = popularity / 2 * WEEK[when.weekday()] * trend
            count = max(0, round(self.chance.gauss(expected, expected**0.5 * 0.6))) if tags else 0
            for _ in range(count):
                user = repository.owner if not repository.is_public or self.chance.random() < 0.2 else None
                found.append((repository, self._tag(tags), user, self.chance.random() < 0.5))
        self.chance.shuffle(found)
        self.counts["pulls"] += len(found)
        return found

    def _tag(self, tags):
        if "latest" in tags and self.chance.random() < 0.6:
            return "latest"
        newest = tags[-8:] if self.chance.random() < 0.8 else tags
        return self.chance.choice(newest)

    def _stars(self, day, half):
        """Is who stars what: each user comes across a repository some day after it was made."""
        found = []
        for repository in self.repositories:
            for at, user in enumerate(repository.about.get("stars", [])):
                first = min(repository.created_day + 1 + (3 * at) % 5, DAYS - 1)
                if (first, at % 2) == (day, half):
                    found.append((repository.name, user))
                # One of many changes their mind, and one of them changes it again.
                if at == 3 and day == DAYS - 2:
                    found.append((repository.name, user, "PUT" if half else "DELETE"))
        return found


def _all(pool, work, items):
    """Does something with every item at once; the first failure is raised."""
    for _ in pool.map(work, items):
        pass
