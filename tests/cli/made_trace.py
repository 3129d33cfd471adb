# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
"""A trace by hand (docs/trace.md): a few tables come and go, under any command line."""
import struct

EXEC, FAULT, MMAP, MUNMAP, EXIT, SAMPLE = 1, 3, 4, 5, 11, 12
TABLES, SPAN, BASE = 8, 512, 1 << 20  # pages that a table maps, the first page


def number(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def signed(n):
    return number(n << 1 if n >= 0 else (-n << 1) - 1)


def string(text):
    return number(len(text)) + text


def checksum(data):
    sum = 0xCBF29CE484222325
    for byte in data:
        sum = (sum ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return sum


def records(moment):
    """Touches a page in each table, and unmaps all but the first; `moment` ns apart."""
    last = 0

    def place(page):
        nonlocal last
        last, before = page, last
        return signed(page - before)

    yield bytes([EXEC]) + number(moment)
    yield bytes([MMAP]) + number(moment) + number(0) * 2 + place(BASE) + number(TABLES * SPAN) + \
        number(3) + number(0x22)
    for i in range(TABLES):
        yield bytes([FAULT]) + number(moment) + place(BASE + i * SPAN)
    yield bytes([SAMPLE]) + number(moment) + number(0) + number(4 * TABLES)
    yield bytes([MUNMAP]) + number(moment) + number(0) * 2 + place(BASE + SPAN) + \
        number((TABLES - 1) * SPAN)
    yield bytes([EXIT]) + number(moment)


def trace(argv, kernel=b"6.18.0", moment=1000000, events=None):
    """The bytes of a trace; argv and kernel are bytes."""
    all = list(records(moment))[:events]
    body = number(4096) + number(47) + number(0) * 3 + number(0) + number(len(argv))
    body += b"".join(string(word) for word in argv)
    body += string(kernel) + string(b"x86_64") + string(b"never") + b"".join(all)
    # A zstd frame of one block that is not compressed.
    packed = b"\x28\xb5\x2f\xfd" + bytes([0xA0]) + struct.pack("<I", len(body)) + \
        struct.pack("<I", 1 | len(body) << 3)[:3] + body
    head = b"\x89GWT\r\n\x1a\n" + struct.pack("<IIQQQQQ", 1, 0, len(body), len(packed), len(all),
                                              checksum(packed), 0)
    return head + struct.pack("<Q", checksum(head)) + packed
