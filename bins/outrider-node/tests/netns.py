#!/usr/bin/env python3
"""Two nodes and a controller on three hosts, as far as the kernel can make them: network namespaces, TLS between them,
and links that lose, delay and reorder packets. One link is cut in the middle and healed. Nothing may be lost, no answer
may change, and the node that was cut off has to be missed and to come back.

    netns.py PROGRAM

PROGRAM is a built `outrider`. Needs root, ip, openssl and /dev/net/tun; where they are not to be had a line says "not run:".
"""
import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time

PATCH = ["--distance", "3", "--p", "0.01"]
ROUNDS, ROUND_TIME_US = 15_000, 1000
# Of packets: how many are lost, how many overtake others, and the seconds that they are on the way.
LOST, OVERTAKING, DELAY, SHORT_DELAY = 0.01, 0.05, 0.003, 0.001
PORT = 7118
# What takes longer hangs; between two looks at what does not wake anybody.
DEADLINE, LOOK = 60, 0.05

TUNSETIFF, IFF_TUN, IFF_NO_PI, CLONE_NEWNET = 0x400454CA, 1, 0x1000, 0x40000000
PACKET_BYTES_MAX = 1 << 16


class Link(threading.Thread):
    """A bad cable between two namespaces."""

    def __init__(self, ends, seed):
        super().__init__(daemon=True)
        self.ends, self.random, self.is_cut = [tun(*end) for end in ends], random.Random(seed), False
        self.waiting, self.count = [], 0

    def run(self):
        while True:
            timeout = max(0, self.waiting[0][0] - time.monotonic()) if self.waiting else None
            for end in select.select(self.ends, [], [], timeout)[0]:
                packet = os.read(end, PACKET_BYTES_MAX)
                if self.is_cut or self.random.random() < LOST:
                    continue
                delay = SHORT_DELAY if self.random.random() < OVERTAKING else DELAY
                other = self.ends[1 - self.ends.index(end)]
                self.count += 1
                heapq.heappush(self.waiting, (time.monotonic() + delay, self.count, other, packet))
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                os.write(*heapq.heappop(self.waiting)[2:])


def tun(space, name, address, peer):
    """A device in a namespace whose packets come here."""
    home, there = (os.open(path, os.O_RDONLY) for path in ("/proc/self/ns/net", f"/run/netns/{space}"))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(there, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    if libc.setns(home, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
    in_space(space, "ip", "address", "add", address, "peer", peer, "dev", name)
    in_space(space, "ip", "link", "set", name, "up")
    return device


def in_space(space, *command):
    subprocess.run(["ip", "netns", "exec", space, *command], check=True)


def sign(name, address):
    """A certificate, as docs/operating.md says, but for an address."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    if not os.path.exists("authority.pem"):
        openssl("req", "-x509", *new_key, "-days", "2", "-subj", "/CN=decoders", "-keyout", "authority.key",
                "-out", "authority.pem")
    openssl("req", *new_key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    with open(f"{name}.ext", "w") as file:
        file.write(f"subjectAltName=IP:{address}\nextendedKeyUsage=serverAuth,clientAuth\n")
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial",
            "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem")


def wait_for(what, is_so):
    end = time.monotonic() + DEADLINE
    while not is_so():
        if time.monotonic() > end:
            raise SystemExit(f"waited in vain for {what}")
        time.sleep(LOOK)


def count(file, text):
    with open(file) as lines:
        return sum(text in line for line in lines)


def run(program, space, processes):
    """Streams over both links, one of which is cut meanwhile, and looks at the report."""
    def start(host, output, *arguments):
        command = ["ip", "netns", "exec", space + host, program, *arguments]
        process = subprocess.Popen(command, stdout=open(f"{output}.txt", "w"), stderr=open(f"{output}.log", "w"))
        processes.append(process)
        return process

    links, addresses = {}, {}
    for number, node in enumerate("ab", 1):
        here, there = f"10.79.{number}.1", f"10.79.{number}.2"
        ends = [(space + "c", f"to-{node}", here, there), (space + node, "to-c", there, here)]
        links[node], addresses[node] = Link(ends, number), f"tls:{there}:{PORT}"
        links[node].start()
        sign(node, there)
        with open(f"{node}.toml", "w") as file:
            # Lost packets are sent again late: a node may be silent for a second before it is missed.
            file.write(f'listen = ["{addresses[node]}"]\nlimits.heartbeat-ms = 200\n'
                       f'tls = {{ authority = "authority.pem", certificate = "{node}.pem", key = "{node}.key" }}\n')
        start(node, node, "node", "--config", f"{node}.toml", *PATCH)
        wait_for(f"node {node}", lambda: count(f"{node}.txt", "READY"))
    sign("c", "10.79.1.1")
    stream = start("c", "stream", "stream", *PATCH, "--rounds", str(ROUNDS), "--round-time", str(ROUND_TIME_US),
                   "--wait", "block", "--verify", "--patience", str(DEADLINE), "--json", "run.json",
                   *(word for address in addresses.values() for word in ("--to", address)),
                   "--tls-authority", "authority.pem", "--tls-certificate", "c.pem", "--tls-key", "c.key")
    for node in "ab":
        wait_for(f"a stream on node {node}", lambda: count(f"{node}.log", "stream opened"))
    links["b"].is_cut = True
    wait_for("the silence to be noticed", lambda: count("b.log", "session without a connection"))
    sessions = count("b.log", "session up")
    links["b"].is_cut = False
    wait_for("the node to come back", lambda: count("b.log", "session up") > sessions)
    if stream.wait(DEADLINE) != 0:
        raise SystemExit("the stream failed")
    with open("run.json") as file:
        report = json.load(file)
    print(open("stream.txt").read(), end="")
    losses = report["lost_rounds"], report["batch_mismatches"]
    if losses != (0, 0) or report["answers_compared"] == 0:
        raise SystemExit(f"lost rounds, batch mismatches: {losses}, {report['answers_compared']} answers compared")
    if report["nodes"][1]["fences"] == 0 or any(node["cells"] == 0 for node in report["nodes"]):
        raise SystemExit(f"the node that was cut off was not missed, or one did nothing: {report['nodes']}")


def main():
    program, space, processes = os.path.realpath(sys.argv[1]), f"otr{os.getpid()}", []
    missing = [tool for tool in ("ip", "openssl") if not shutil.which(tool)]
    if os.geteuid() != 0 or missing or not os.path.exists("/dev/net/tun"):
        return print(f"not run: needs root, ip, openssl and /dev/net/tun; missing: {missing}")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for host in "abc":
                if subprocess.run(["ip", "netns", "add", space + host]).returncode != 0:
                    return print("not run: network namespaces are not permitted")
                in_space(space + host, "ip", "link", "set", "lo", "up")
            run(program, space, processes)
        except BaseException:
            for log in ("a.log", "b.log", "stream.log", "stream.txt"):
                if os.path.exists(log):
                    print(f"--- {log}", "".join(open(log).readlines()[-20:]), sep="\n", file=sys.stderr)
            raise
        finally:
            for process in processes:
                process.kill()
                process.wait()
            for host in "abc":
                subprocess.run(["ip", "netns", "delete", space + host], stderr=subprocess.DEVNULL)
            os.chdir("/")


if __name__ == "__main__":
    main()
