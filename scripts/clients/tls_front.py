#!/usr/bin/env python3
"""Puts TLS before a server on this machine, and a proxy before that.

    tls_front.py TO CERTIFICATE KEY [CLIENTS_CA]

TO is a port, or the path of a socket. With CLIENTS_CA, a client must show a certificate of that authority. Prints two ports: of the TLS end, and of a proxy (HTTP CONNECT) that leads there whatever host is asked for. The proxy
writes each host that it was asked for to standard error.
"""

import socket
import ssl
import sys
import threading

to, certificate, key = sys.argv[1:4]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
if len(sys.argv) > 4:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(sys.argv[4])


def pass_on(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for connection in (source, sink):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def join(one, other):
    threading.Thread(target=pass_on, args=(one, other), daemon=True).start()
    pass_on(other, one)


def server():
    if to.isdigit():
        return socket.create_connection(("127.0.0.1", int(to)))
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(to)
    return connection


def tls(client):
    try:
        client = context.wrap_socket(client, server_side=True)
    except (ssl.SSLError, OSError):
        return
    join(client, server())


def proxy(client):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = client.recv(1)
        if not byte:
            return
        head += byte
    method, host = head.split()[:2]
    print(method.decode(), host.decode(), file=sys.stderr, flush=True)
    if method != b"CONNECT":
        client.sendall(b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n")
        return
    client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
    join(client, socket.create_connection(("127.0.0.1", tls_port)))


def serve(listener, handle):
    while True:
        client, _ = listener.accept()
        threading.Thread(target=handle, args=(client,), daemon=True).start()


listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
tls_port, proxy_port = (listener.getsockname()[1] for listener in listeners)
print(tls_port, proxy_port, flush=True)
threading.Thread(target=serve, args=(listeners[0], tls), daemon=True).start()
serve(listeners[1], proxy)
