#!/usr/bin/env python3
"""Measures the pages of a filled instance: time, queries and bytes of each, as a table in Markdown.

    pages.py DOCKYARD DIR OUT

DOCKYARD is the program, DIR a folder that `scripts/demo.sh --fill-only DIR --grow` made, OUT the file to write.
"""

import http.client
import statistics
import subprocess
import sys
import time
import urllib.parse

from server import Server

# Requests of a page that are measured, and those before that warm it up.
ROUNDS = 200
WARM_UP = 20
# How the database's driver names a statement in the log.
STATEMENT = "summary="
PAGES = {
    "home, stranger": ("/", None),
    "home, signed in": ("/", "harbour"),
    "repository": ("/r/harbour/api", None),
    "tags, 200": ("/r/harbour/api/-/tags", None),
    "tags, 1,000": ("/r/bulk/many-tags/-/tags", None),
    "tags, filtered": ("/r/bulk/many-tags/-/tags?filter=9&sort=newest", None),
    "tag": ("/r/edge/nginx/-/tags/latest", None),
    "activity": ("/r/harbour/api/-/activity", None),
    "settings of a repository": ("/r/harbour/api/-/settings", "harbour"),
    "user, 10,000 repositories": ("/u/bulk", None),
    "search, one word": ("/search?q=postgres", None),
    "search, 10,000 results": ("/search?q=anchor+barge", None),
    "search, a letter wrong": ("/search?q=postgers", None),
    "settings, tokens": ("/settings/tokens", "harbour"),
    "not found": ("/r/nobody/nothing", None),
}


def log_in(address, user):
    connection = http.client.HTTPConnection(address, timeout=30)
    form = urllib.parse.urlencode({"username": user, "password": f"{user}-demo", "next": "/"})
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"}
    connection.request("POST", "/api/web/log-in", form, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.headers["set-cookie"].split(";")[0]


def get(connection, path, cookie):
    headers = {"accept": "text/html", "accept-encoding": "identity"}
    if cookie:
        headers["cookie"] = cookie
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, len(answer.read())


def times(address, path, cookie):
    """Is the milliseconds of each request on one kept connection, and the bytes of the page."""
    connection = http.client.HTTPConnection(address, timeout=30)
    taken = []
    for at in range(WARM_UP + ROUNDS):
        before = time.perf_counter()
        _, size = get(connection, path, cookie)
        if at >= WARM_UP:
            taken.append((time.perf_counter() - before) * 1000)
    connection.close()
    return sorted(taken), size


def queries(program, data):
    """Counts the statements of each page in the server's log."""
    counts = {}
    with Server(program, data, arguments=("--gc-interval", "never"), level="warn,sqlx::query=debug") as server:
        cookies = {user: log_in(server.address, user) for _, user in PAGES.values() if user}
        connection = http.client.HTTPConnection(server.address, timeout=30)
        for name, (path, user) in PAGES.items():
            get(connection, path, cookies.get(user))
            time.sleep(0.3)
            with open(server.log_path, errors="replace") as log:
                before = sum(STATEMENT in line for line in log)
            get(connection, path, cookies.get(user))
            time.sleep(0.05)
            with open(server.log_path, errors="replace") as log:
                counts[name] = sum(STATEMENT in line for line in log) - before
    return counts


def main():
    program, data, out = sys.argv[1:]
    counted = queries(program, data)
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip().capitalize()
    lines = [
        "# The pages, measured",
        "",
        f"{version} on the sample instance grown to 10,000 repositories, and 1,000 tags in one (`make bench-pages`). One",
        f"client on loopback and one kept connection, {ROUNDS} requests a page after {WARM_UP} to warm up; the time is the client's,",
        "from the request to the last byte. Queries are those of one request, counted in the log.",
        "",
        "| page | p50 ms | p95 ms | queries | HTML kB |",
        "|---|---:|---:|---:|---:|",
    ]
    with Server(program, data, arguments=("--gc-interval", "never")) as server:
        cookies = {user: log_in(server.address, user) for _, user in PAGES.values() if user}
        for name, (path, user) in PAGES.items():
            taken, size = times(server.address, path, cookies.get(user))
            p50, p95 = statistics.median(taken), taken[int(len(taken) * 0.95)]
            lines.append(f"| {name} | {p50:.1f} | {p95:.1f} | {counted[name]} | {size / 1000:.0f} |")
            print(lines[-1], flush=True)
    with open(out, "w") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
