"""The server to be tested: a process of its own for each file of tests, on a port of its own."""

import os
import shlex
import socket
import subprocess
import time

# Long enough for a debug build on a busy machine.
PATIENCE_SECONDS = 30


class Server:
    """Started by `with`, killed when that ends. What it prints goes to `log`."""

    def __init__(self, command):
        self.command = shlex.split(command)
        self.port = free_port()
        self.process = None

    def start(self, log):
        arguments = ["--port", str(self.port), "--save", "", "--enable-debug-command", "yes"]
        self.process = subprocess.Popen(
            self.command + arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{' '.join(self.command)} does not answer; see {log.name}")
            time.sleep(0.05)
        return self

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def died(self):
        """Whether it ended by itself."""
        return self.process.poll() is not None

    def stop(self):
        self.process.kill()
        self.process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(command, seconds, log, **options):
    """Run a command to its end, which comes after so many seconds at the latest: its output."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True, **options,
    )
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        output, _ = process.communicate()
        output += f"\nstopped after {seconds} seconds\n".encode()
    log.write(output)
    return output.decode(errors="replace")
