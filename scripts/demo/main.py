#!/usr/bin/env python3
"""A Dockyard with something in it: thirty repositories of six people, and two weeks of their work.

    main.py DOCKYARD [--grow] [arguments of serve]         fills a temporary folder and serves it until Ctrl-C
    main.py DOCKYARD --fill-only DIR [--grow] [--check]    fills a new folder and ends
    main.py DOCKYARD --check DIR                           checks that a filled folder holds everything

DOCKYARD is the program. `--grow` adds 10,000 small repositories, and one with 1,000 tags.
"""

import argparse
import os
import shutil
import signal
import socket
import sys
import tempfile
import time

import content
from check import Check
from fortnight import Fortnight
from grow import Growth
from grow import OWNER as GROWTH_OWNER
from hub import Hub
from server import Server

# Time between two lines of progress where there is no terminal.
QUIET_SECS = 10


class Progress:
    """Shows how far things are: on one line of a terminal, else as a line now and then."""

    def __init__(self):
        self.last = time.monotonic()

    def __call__(self, text):
        if sys.stderr.isatty():
            print(f"\r\033[Kdemo: {text}", end="", file=sys.stderr, flush=True)
        elif text and time.monotonic() - self.last > QUIET_SECS:
            self.last = time.monotonic()
            print(f"demo: {text}", file=sys.stderr, flush=True)


def fill(program, data, is_grown):
    tell, started = Progress(), time.monotonic()
    accounts, repositories = content.accounts(), content.repositories()
    hub = Hub(accounts)
    fortnight = Fortnight(program, data, hub, repositories, content.bases())
    fortnight.run(accounts, tell)
    if is_grown:
        with Server(program, data, arguments=("--gc-interval", "never")) as server:
            hub.connect(server.address)
            Growth(hub, tell).run()
            hub.client.close()
    tell("")
    counts = ", ".join(f"{count} {what}" for what, count in fortnight.counts.items())
    print(f"demo: {len(repositories)} repositories, {counts}, in {time.monotonic() - started:.1f} s", flush=True)


def check(program, data):
    with Server(program, data, arguments=("--gc-interval", "never")) as server:
        is_right = Check(server.address).run(content.accounts(), content.repositories())
    print("check: everything is there" if is_right else "check: FAILED", flush=True)
    return 0 if is_right else 1


def refuse_taken(address):
    """Ends with a word on it when something listens there already: the filling takes a while."""
    host, _, port = address.rpartition(":")
    with socket.socket(socket.AF_INET6 if "[" in host else socket.AF_INET) as probe:
        if probe.connect_ex((host.strip("[]"), int(port))) == 0:
            raise SystemExit(f"demo: something listens on {address} already: choose another address with --listen")


def serve(program, data, arguments, is_grown):
    """Serves the folder until the server ends or is asked to."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--listen", default="127.0.0.1:3000")
    named, rest = parser.parse_known_args(arguments)
    refuse_taken(named.listen)
    fill(program, data, is_grown)
    with Server(program, data, listen=named.listen, arguments=rest) as server:
        print(f"\nDockyard is on http://{server.address} (Ctrl-C ends it and removes everything). Log in as\n")
        for account in [*content.accounts(), *([GROWTH_OWNER] if is_grown else [])]:
            print(f"  {account['name']:<10}{account['password']:<24}{account.get('about', '')}")
        print(flush=True)
        return server.wait()


def arguments_of(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", metavar="DOCKYARD")
    parser.add_argument("--fill-only", metavar="DIR")
    parser.add_argument("--check", metavar="DIR", nargs="?", const="")
    parser.add_argument("--grow", action="store_true")
    options, rest = parser.parse_known_args(argv)
    if options.check == "" and not options.fill_only:
        parser.error("--check needs the folder to look at")
    if rest and (options.fill_only or options.check):
        parser.error(f"unknown: {' '.join(rest)}")
    return options, rest


def end(*_):
    raise KeyboardInterrupt


def main():
    options, rest = arguments_of(sys.argv[1:])
    signal.signal(signal.SIGTERM, end)
    if options.fill_only:
        data = os.path.abspath(options.fill_only)
        if os.path.isdir(data) and os.listdir(data):
            raise SystemExit(f"demo: {data} is not empty")
        os.makedirs(os.path.dirname(data), exist_ok=True)
        fill(options.program, data, options.grow)
        return check(options.program, data) if options.check is not None else 0
    if options.check:
        return check(options.program, os.path.abspath(options.check))
    folder = tempfile.mkdtemp(prefix="dockyard-demo.")
    try:
        return serve(options.program, os.path.join(folder, "data"), rest, options.grow)
    except KeyboardInterrupt:
        return 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
