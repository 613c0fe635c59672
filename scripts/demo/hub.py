"""What people do with the server: accounts, repositories, pushes, pulls and stars, over its public API."""

import threading
import urllib.parse

import client as http

ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


class Hub:
    """The server as its users see it; outlives restarts, as the personal tokens do."""

    def __init__(self, accounts):
        self.passwords = {account["name"]: account["password"] for account in accounts}
        self.tokens, self.client = {}, None
        self._homes, self._there, self._lock = {}, set(), threading.Lock()
        self._registry_tokens = {}

    def connect(self, address):
        """Goes on with a server that was just started. Registry tokens of another day are worth nothing."""
        if self.client:
            self.client.close()
        self.client, self._registry_tokens = http.Client(address), {}

    # --- accounts

    def sign_up(self, account, setup_key=None):
        """Makes an account, the first administrator with the key of the set-up link, and a token for scripts."""
        name, password = account["name"], account["password"]
        if setup_key:
            fields = {"username": name, "password": password, "email": account.get("email", ""), "key": setup_key}
            answer = self.client.send_form("/api/web/set-up", fields)
            # The form also logs in, as it is for browsers.
            session = (answer.headers["set-cookie"] or "").partition(";")[0]
            self.client.send_form("/api/web/log-out", {}, {"cookie": session})
        else:
            body = {"username": name, "password": password, "email": account.get("email")}
            self.client.send_json("POST", "/api/v1/users", body, expect=(201,))
        basic = http.basic(name, password)
        made = self.client.send_json("POST", "/api/v1/tokens", {"name": "ci"}, basic, expect=(201,))
        self.tokens[name] = made.json()["token"]

    def as_user(self, name):
        return http.bearer(self.tokens[name])

    # --- repositories

    def create(self, repository):
        body = {"name": repository.name, "visibility": repository.visibility}
        user = self.as_user(repository.owner)
        self.client.send_json("POST", "/api/v1/repositories", body, user, expect=(201,))
        change = {"description": repository.description, "readme": repository.readme or ""}
        change = {key: value for key, value in change.items() if value}
        if change:
            self.client.send_json("PATCH", f"/api/v1/repositories/{repository.name}", change, user)

    def star(self, name, user, method="PUT"):
        """Stars or unstars, which both work twice. Returns 1, to be counted."""
        path = f"/api/v1/repositories/{name}/-/star"
        self.client.send(method, path, headers=self.as_user(user), expect=(204,))
        return 1

    # --- pushes

    def push(self, repository, document, tags=()):
        """Pushes a document and all it refers to, under its digest or under tags."""
        for child in document.children:
            self.push(repository, child)
        for blob in document.blobs:
            self._push_blob(repository, blob.data, blob.digest)
        headers = {**self.as_user(repository.owner), "content-type": document.media_type}
        for reference in tags or (document.digest,):
            path = f"/v2/{repository.name}/manifests/{reference}"
            if not tags and (repository.name, document.digest) in self._there:
                continue
            self.client.send("PUT", path, document.data, headers, expect=(201,))
            self._there.add((repository.name, document.digest))

    def _push_blob(self, repository, data, digest):
        """Sends a blob in one request, or mounts it from a repository that has it and may be read."""
        name, headers = repository.name, self.as_user(repository.owner)
        with self._lock:
            if (name, digest) in self._there:
                return
            home = self._homes.get(digest)
        path = f"/v2/{name}/blobs/uploads/"
        if home:
            answer = self.client.send("POST", f"{path}?mount={digest}&from={home}", b"", headers, expect=(201, 202))
            is_mounted = answer.status == 201
        if not home or not is_mounted:
            headers["content-type"] = "application/octet-stream"
            self.client.send("POST", f"{path}?digest={urllib.parse.quote(digest)}", data, headers, expect=(201,))
        with self._lock:
            self._there.add((name, digest))
            if repository.is_public:
                self._homes.setdefault(digest, name)

    # --- pulls

    def pull(self, repository, tag, user=None, is_bare=False):
        """Gets a manifest, of an index its first image too. A bare pull brings no token; a private one needs a user."""
        headers = {"accept": ACCEPT, "user-agent": "docker/28.5.1 demo"}
        if not is_bare or user:
            headers |= http.bearer(self._registry_token(repository.name, user))
        path = f"/v2/{repository.name}/manifests"
        answer = self.client.send("GET", f"{path}/{tag}", headers=headers, expect=(200,))
        manifests = answer.json().get("manifests", [])
        if manifests:
            self.client.send("GET", f"{path}/{manifests[0]['digest']}", headers=headers)

    def _registry_token(self, name, user):
        key = (name, user)
        if key not in self._registry_tokens:
            basic = http.basic(user, self.tokens[user]) if user else None
            self._registry_tokens[key] = http.registry_token(self.client, name, basic)
        return self._registry_tokens[key]
