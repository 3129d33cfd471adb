# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
"""Stops an image half way and asks QEMU's monitor where addresses lead (gva2gpa, by the emulated
MMU's own code); compares with what `gracewalk dump` reads in the guest's memory.

usage: monitor.py GRACEWALK IMAGE FOLDER FORMAT [QEMU-ARGUMENT...]
MONITOR_QUERIES (500) addresses by MONITOR_SEED (1). exit: 0 well, 1 not, 77 no QEMU or no compiler
"""
import bisect
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HOLD = 1 << 40  # as in conformance.h
LIMIT = 120  # seconds; a hang is a failure


def skip(why):
    print(f"SKIP: {why} is not installed; packages.txt names its package")
    sys.exit(77)


def machine_of(folder):
    """What qemu.sh says, as run.sh reads it."""
    names = ["qemu", "machine", "boot", "boots", "word", "still"]
    script = "boot=-kernel boots= still=; . ./qemu.sh; "
    script += "; ".join(f'printf "%s\\0" "${name}"' for name in names)
    values = subprocess.run(["sh", "-c", script], cwd=folder, check=True, capture_output=True,
                            text=True)
    return dict(zip(names, values.stdout.split("\0")))


class Monitor:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.lines = self.socket.makefile("rw")
        json.loads(self.lines.readline())  # the greeting
        self.call("qmp_capabilities")

    def call(self, command, **arguments):
        print(json.dumps({"execute": command, "arguments": arguments}), file=self.lines, flush=True)
        while True:
            answer = json.loads(self.lines.readline())
            if "error" in answer:
                sys.exit(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def human(self, line):
        return self.call("human-monitor-command", **{"command-line": line})

    def stop(self, still):
        """Stops the machine, not before its registers are as qemu.sh says of one at rest."""
        self.call("stop")
        while not re.search(still, self.human("info registers")):
            self.call("cont")
            time.sleep(0.01)
            self.call("stop")

    def translate(self, address):
        """The physical address, or None."""
        found = re.search(r"gpa: ([0-9a-fx]+)", self.human(f"gva2gpa {address:#x}"))
        return int(found.group(1), 16) if found else None


def out_of_time(*_):
    raise TimeoutError(f"not done within {LIMIT} s")


def wait_for_hold(qemu):
    for line in qemu.stdout:
        print(line, end="")
        found = re.match(r"hold: root=(\w+) memory=(\w+) bytes=(\w+)", line)
        if found:
            return [int(word, 16) for word in found.groups()]
        if re.match(r"mismatch|broke", line):
            break
    sys.exit("the image did not get half way")


def ranges_of(gracewalk, folder, form, memory_file, root, memory):
    """[(first, last, output of the first)] in order, by the library."""
    swap = ["--swap"] if folder.name == "s390x" and sys.byteorder == "little" else []
    dump = subprocess.run(
        [gracewalk, "dump", "--format", form, "--image", memory_file, "--image-base", str(memory),
         "--root", str(root), "--linear", "--json", *swap],
        check=True, capture_output=True, text=True)
    return sorted((int(r["first"], 16), int(r["last"], 16), int(r["out"], 16))
                  for r in json.loads(dump.stdout)["ranges"] if r["kind"] == "leaf")


def expected(ranges, address):
    i = bisect.bisect_right(ranges, (address, 1 << 64, 0)) - 1
    if i < 0 or address > ranges[i][1]:
        return None
    return ranges[i][2] + address - ranges[i][0]


def choose(ranges):
    """An address in a range, next to one, or far from it by a bit."""
    first, last, _ = random.choice(ranges)
    address = random.choice([first, last, random.randint(first, last), random.randint(first, last)])
    how = random.randrange(8)
    if how == 0:
        address += random.choice([-1, 1, -4096, 4096, -(1 << 21), 1 << 21])
    elif how == 1:
        address ^= 1 << random.randrange(12, 57)
    return address % (1 << 64)


def same(folder, address, ours, theirs, ram_end):
    if folder.name == "s390x" and ours is not None and ours >= ram_end:
        return theirs in (None, ours)  # it answers for RAM only
    if folder.name == "ppc64" and ours is None:
        return theirs in (None, address)  # where nothing is mapped it gives the address back
    return ours == theirs


def main(gracewalk, image, folder, form, *more):
    if not pathlib.Path(image).stat().st_size:
        skip(f"the compiler for {folder}")
    folder = pathlib.Path(__file__).parent / folder
    machine = machine_of(folder)
    if not shutil.which(machine["qemu"]):
        skip(machine["qemu"])
    ram_end = int(re.search(r"-m (\d+)G", machine["machine"]).group(1)) << 30
    seed = int(os.environ.get("MONITOR_SEED", 1))
    queries = int(os.environ.get("MONITOR_QUERIES", 500))
    random.seed(seed)
    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(LIMIT)
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory)
        qemu = subprocess.Popen(
            [machine["qemu"], *machine["machine"].split(), "-accel", "tcg", "-display",
             "none", "-net", "none", "-no-reboot", "-serial", "stdio", "-monitor", "none", "-qmp",
             f"unix:{path / 'qmp'},server=on,wait=off", "-device",
             f"loader,data={HOLD | seed},data-len=8,{machine['word']}", machine["boot"],
             machine["boots"] + image,
             *more],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        try:
            root, memory, size = wait_for_hold(qemu)
            monitor = Monitor(str(path / "qmp"))
            monitor.stop(machine["still"])
            monitor.call("pmemsave", val=memory, size=size, filename=str(path / "memory"))
            ranges = ranges_of(gracewalk, folder, form, str(path / "memory"), root, memory)
            mapped = 0
            for _ in range(queries):
                address = choose(ranges)
                ours, theirs = expected(ranges, address), monitor.translate(address)
                mapped += ours is not None
                if not same(folder, address, ours, theirs, ram_end):
                    sys.exit(f"mismatch: {address:#x} leads to {ours} by the library, to {theirs} "
                             f"by QEMU; seed {seed}")
        finally:
            qemu.kill()
            qemu.wait()
    print(f"ok: {queries} addresses, {mapped} mapped, {len(ranges)} ranges, seed {seed}")


main(*sys.argv[1:])
