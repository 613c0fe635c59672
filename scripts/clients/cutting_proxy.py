#!/usr/bin/env python3
"""Stands between a client and a server on this machine and cuts connections, as bad networks do.

    cutting_proxy.py TO_PORT [--cut BYTES] [--port PORT] [--last BYTES] [--rate BYTES]

Every connection is reset after BYTES in one direction. With --last, the proxy ends once it has passed so many
bytes in all. With --rate, it passes so many bytes a second. Prints its port.
"""

import argparse
import os
import socket
import struct
import threading
import time

parser = argparse.ArgumentParser()
parser.add_argument("to", type=int)
parser.add_argument("--cut", type=int)
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--last", type=int)
parser.add_argument("--rate", type=int)
options = parser.parse_args()
total, lock = 0, threading.Lock()


def reset(connection):
    try:
        # Lingering for no time makes closing a reset.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()


def pass_on(source, sink, both):
    global total
    passed = 0
    try:
        while data := source.recv(65536):
            passed += len(data)
            with lock:
                total += len(data)
                if options.last and total > options.last:
                    os._exit(0)
            if options.cut and passed > options.cut:
                break
            sink.sendall(data)
            if options.rate:
                time.sleep(len(data) / options.rate)
        else:
            sink.shutdown(socket.SHUT_WR)
            return
    except OSError:
        pass
    for connection in both:
        reset(connection)


listener = socket.create_server(("127.0.0.1", options.port))
print(listener.getsockname()[1], flush=True)
while True:
    client, _ = listener.accept()
    server = socket.create_connection(("127.0.0.1", options.to))
    both = (client, server)
    threading.Thread(target=pass_on, args=(client, server, both), daemon=True).start()
    threading.Thread(target=pass_on, args=(server, client, both), daemon=True).start()
