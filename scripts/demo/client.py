"""HTTP to one server: a connection a thread, credentials by user, answers checked."""

import base64
import http.client
import json
import threading
import urllib.parse


class Refused(Exception):
    """An answer that was not among the expected ones."""

    def __init__(self, method, path, status, body):
        super().__init__(f"{method} {path} answered {status}: {body[:300].decode(errors='replace')}")
        self.status = status


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Client:
    """Speaks to `host:port`. Thread-safe; close() drops the connections of every thread."""

    def __init__(self, address):
        self.address, self._local = address, threading.local()
        self._lock, self._open = threading.Lock(), []

    def send(self, method, path, body=None, headers=None, expect=(200,)):
        """Sends one request, once more when a kept connection turns out closed."""
        for is_last in (False, True):
            connection = self._connection()
            try:
                connection.request(method, path, body=body, headers=headers or {})
                got = connection.getresponse()
                answer = Answer(got.status, got.headers, got.read())
                break
            except (http.client.HTTPException, ConnectionError):
                connection.close()
                if is_last:
                    raise
        if expect and answer.status not in expect:
            raise Refused(method, path, answer.status, answer.body)
        return answer

    def send_json(self, method, path, value, headers=None, expect=(200,)):
        headers = {"content-type": "application/json", **(headers or {})}
        return self.send(method, path, json.dumps(value).encode(), headers, expect)

    def send_form(self, path, fields, headers=None):
        headers = {"content-type": "application/x-www-form-urlencoded", **(headers or {})}
        return self.send("POST", path, urllib.parse.urlencode(fields), headers)

    def close(self):
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open, self._local = [], threading.local()

    def _connection(self):
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self.address, timeout=60)
            self._local.connection = connection
            with self._lock:
                self._open.append(connection)
        return connection


def basic(name, password):
    """Is the header of a name and a password."""
    pair = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"authorization": f"Basic {pair}"}


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def registry_token(client, repository, credentials=None):
    """Gets a pull token as an engine does, for a user's credentials or for nobody."""
    scope = urllib.parse.quote(f"repository:{repository}:pull")
    return client.send("GET", f"/token?service=dockyard&scope={scope}", headers=credentials).json()["token"]
