"""Starts and stops `dockyard serve`."""

import os
import re
import signal
import subprocess
import time

START_SECS = 30
STOP_SECS = 20
READY = re.compile(r"is ready on http://(\S+)")
SETUP = re.compile(r"/setup\?key=(\S+)")


class Server:
    """A server on a data folder; `shift_secs` moves its clock. Use as a context manager."""

    def __init__(self, program, data, listen="127.0.0.1:0", shift_secs=0, arguments=(), level="info"):
        self.log_path = os.path.join(os.path.dirname(os.path.abspath(data)), f".{os.path.basename(data)}.log")
        command = [program, "serve", "--data-dir", data, "--listen", listen]
        if shift_secs:
            command += ["--time-shift", f"{'-' if shift_secs < 0 else ''}{abs(shift_secs)}s"]
        command += arguments
        with open(self.log_path, "ab") as log:
            # A group of its own: Ctrl-C is for whoever started this, who then stops the server.
            environment = {**os.environ, "DOCKYARD_LOG": level, "DOCKYARD_SIGNUPS_PER_NETWORK": "0"}
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, process_group=0, env=environment
            )
        self.address = None
        try:
            self._greeting()
        except BaseException:
            self.stop()
            raise

    def _greeting(self):
        """Reads what the server prints at its start: its address, and the key while there is no administrator."""
        line = self.process.stdout.readline()
        found = READY.search(line)
        if not found:
            self.process.wait(START_SECS)
            with open(self.log_path, errors="replace") as log:
                raise SystemExit(f"demo: the server did not start: {line}{log.read()[-2000:]}")
        self.address = found[1]

    def read_setup_key(self):
        """Is the key of the link for the first administrator; only a server on a new folder prints one."""
        found = SETUP.search(self.process.stdout.readline())
        if not found:
            raise SystemExit("demo: the server printed no link for the first administrator")
        return found[1]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        if os.path.exists(self.log_path) and self.process.returncode == 0:
            os.remove(self.log_path)

    def wait(self):
        """Waits until the server ends by itself."""
        while self.process.poll() is None:
            time.sleep(0.2)
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
