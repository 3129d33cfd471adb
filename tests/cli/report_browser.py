#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
"""A report as a browser shows it, in the dark: no error, something to see, no stranger's script.

usage: report_browser.py GRACEWALK    skipped without Chromium or gnuplot
"""
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

from made_trace import trace

WIDTH, HEIGHT, DARK = 1280, 1800, bytes([0x15, 0x18, 0x1B])


def picture(png):
    """The size of a PNG, its first pixel, and its lines, as filtered."""
    at, data, head = 8, b"", None
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at:at + 8])
        content = png[at + 8:at + 8 + length]
        if kind == b"IHDR":
            head = struct.unpack(">IIBB", content[:10])
        elif kind == b"IDAT":
            data += content
        at += length + 12
    width, height, _, colours = head
    raw = zlib.decompress(data)
    line = 1 + width * {2: 3, 6: 4}[colours]
    # No filter changes the first pixel of the first line.
    return width, height, raw[1:4], [raw[i:i + line] for i in range(0, len(raw), line)]


def main():
    gracewalk = os.path.abspath(sys.argv[1])
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium or not shutil.which("gnuplot"):
        print("skipped:", "gnuplot" if chromium else "chromium", "is not there")
        return 77
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        os.chdir(directory)
        Path("made.gwt").write_bytes(trace([b"<script>console.log('owned')</script>",
                                            b"<img src=x onerror=console.log('owned')>"]))
        subprocess.run([gracewalk, "report", "-o", "page.html", "made.gwt"], check=True)
        done = subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             f"--user-data-dir={directory}/profile", "--enable-logging=stderr",
             "--blink-settings=preferredColorScheme=0", f"--window-size={WIDTH},{HEIGHT}",
             "--screenshot=page.png", f"file://{directory}/page.html"],
            capture_output=True, text=True, errors="replace", timeout=100,
            env={**os.environ, "HOME": directory})
        png = Path("page.png").read_bytes() if os.path.exists("page.png") else b""
        os.chdir("/")
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    if done.returncode or not png or console:
        print("FAILED:", done.returncode, console or done.stderr)
        return 1
    width, height, corner, lines = picture(png)
    print(f"{width} x {height}, the first pixel {corner.hex()}, {len(set(lines))} different lines")
    # Of a blank page all lines but the first are the same.
    return 0 if (width, height, corner) == (WIDTH, HEIGHT, DARK) and len(set(lines)) > 300 else 1


sys.exit(main())
