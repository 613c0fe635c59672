"""Asks a filled server whether everything is there, through its API alone."""

import client as http

REPOSITORIES = 30
TAGS = 200


class Check:
    """Counts what holds and prints what does not."""

    def __init__(self, address):
        self.client, self.failures = http.Client(address), 0

    def run(self, accounts, repositories):
        """Returns whether everything is as it was filled in."""
        listed, strangers = {}, {}
        for account in accounts:
            basic = http.basic(account["name"], account["password"])
            token = self.client.send_json("POST", "/api/v1/tokens", {"name": "check"}, basic, expect=(201,)).json()
            user = http.bearer(token["token"])
            listed[account["name"]] = (user, self._names(user))
            is_admin = account.get("is_admin", False)
            self._equal(f"{account['name']} administers", is_admin, self._is_admin(user))
            if not is_admin:
                strangers[account["name"]] = user
        names = {repository.name for repository in repositories}
        self._equal("repositories described", REPOSITORIES, len(names))
        seen = set().union(*(own for _, own in listed.values()))
        self._equal("repositories their owners see", REPOSITORIES, len(names & seen))
        for repository in repositories:
            self._repository(repository, listed[repository.owner][0])
        self._strangers(repositories, strangers)
        popular = self.client.send("GET", "/api/v1/repositories/edge/nginx").json()
        self._equal("edge/nginx: pulls", True, popular["pulls"] > 100)
        for user, _ in listed.values():
            self.client.send("DELETE", "/api/v1/tokens/current", headers=user, expect=(204,))
        self.client.close()
        return self.failures == 0

    def _names(self, user):
        found, last = set(), ""
        while last is not None:
            page = self.client.send("GET", f"/api/v1/repositories?n=1000&last={last}", headers=user).json()
            found |= {repository["name"] for repository in page["repositories"]}
            last = page["next"]
        return found

    def _is_admin(self, user):
        return self.client.send("GET", "/api/v1/user", headers=user).json()["is_admin"]

    def _repository(self, repository, user):
        path = f"/api/v1/repositories/{repository.name}"
        shown = self.client.send("GET", path, headers=user).json()
        self._equal(f"{repository.name}: README", repository.readme or "", shown["readme"] or "")
        self._equal(f"{repository.name}: description", repository.description, shown["description"])
        self._equal(f"{repository.name}: stars", len(repository.about.get("stars", [])), shown["stars"])
        tags = self.client.send("GET", f"{path}/-/tags?n=1000", headers=user).json()["tags"]
        expected = set().union(*(release.tags for release in repository.releases))
        self._equal(f"{repository.name}: tags", len(expected), len(tags))
        if repository.about.get("is_largest"):
            self._equal(f"{repository.name}: tags in all", TAGS, len(tags))
        for tag in tags[:3]:
            self.client.send("GET", f"/v2/{repository.name}/manifests/{tag['name']}", headers=user)

    def _strangers(self, repositories, users):
        """A private repository answers to others but administrators, and to nobody, as one that is not there."""
        for repository in repositories:
            path = f"/api/v1/repositories/{repository.name}"
            others = [user for name, user in users.items() if name != repository.owner]
            for caller in (None, *others):
                is_seen = self.client.send("GET", path, headers=caller, expect=(200, 401, 404)).status == 200
                self._equal(f"{repository.name}: seen by others", repository.is_public, is_seen)

    def _equal(self, what, expected, got):
        if expected != got:
            self.failures += 1
            print(f"check: {what}: expected {expected!r}, got {got!r}", flush=True)
