#!/usr/bin/env python3
"""Drives Helm's SDK against a registry over plain http; prints what came of it.

    helm_client.py HOST package FOLDER DIR                 prints the path of the chart
    helm_client.py HOST push CHART NAMESPACE
    helm_client.py HOST pull NAMESPACE/CHART VERSION DIR
    helm_client.py HOST tags NAMESPACE/CHART
    helm_client.py HOST resolve NAMESPACE/CHART:VERSION    prints the digest of the manifest

With $HELM_USER and $HELM_PASSWORD it logs in first, and goes as nobody without.
"""

import os
import sys
import tempfile

import helm_python as helm


def package(_client, _host, folder, destination):
    return helm.package(folder, destination=destination)


def push(client, host, chart, namespace):
    return client.push(chart, f"oci://{host}/{namespace}", plain_http=True)


def pull(client, host, chart, version, destination):
    os.makedirs(destination, exist_ok=True)
    return client.pull(f"oci://{host}/{chart}", version=version, destination=destination, plain_http=True)


def tags(client, host, chart):
    return "\n".join(client.tags(f"oci://{host}/{chart}"))


def resolve(client, host, chart):
    return client.resolve(f"oci://{host}/{chart}")["digest"]


COMMANDS = {each.__name__: each for each in (package, push, pull, tags, resolve)}


def main():
    if len(sys.argv) < 4 or sys.argv[2] not in COMMANDS:
        sys.exit(__doc__)
    host, command, *arguments = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        credentials = os.path.join(folder, "credentials.json")
        with open(credentials, "w") as file:
            file.write("{}")
        try:
            with helm.RegistryClient(plain_http=True, credentials_file=credentials) as client:
                if os.environ.get("HELM_USER"):
                    user, password = os.environ["HELM_USER"], os.environ["HELM_PASSWORD"]
                    client.login(host, user, password, plain_http=True)
                print(COMMANDS[command](client, host, *arguments))
        except helm.HelmError as error:
            sys.exit(f"{command}: {error}")


if __name__ == "__main__":
    main()
