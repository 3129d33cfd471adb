#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
"""gracewalk report: what it refuses, what its page is, and that strangers' words stay words.

usage: report_test.py GRACEWALK TRACE...    skipped without gnuplot, after what needs none
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from made_trace import trace
from report_html import faults

gracewalk, *kept = sys.argv[1:]
gracewalk = os.path.abspath(gracewalk)
kept = [os.path.abspath(path) for path in kept]
failures = 0


def check(good, what):
    global failures
    if not good:
        print("FAILED:", what)
        failures += 1


def run(*words, command="report", **more):
    return subprocess.run([gracewalk, command, *words], capture_output=True, text=True,
                          errors="replace", **more)


def refuses(status, words, *arguments, **more):
    """With that status and words; an older page stays, and nothing else is left."""
    old = Path("old.html")
    old.write_text("old")
    before = sorted(os.listdir("."))
    done = run("-o", str(old), *arguments, **more)
    check(done.returncode == status and words in done.stderr,
          f"{arguments}: {done.returncode}, {done.stderr!r}: not {status}, {words!r}")
    check(old.read_text() == "old" and sorted(os.listdir(".")) == before,
          f"{arguments}: something changed")


def what_is_refused():
    Path("text").write_text("not a trace")
    Path("made.gwt").write_bytes(trace([b"made"]))
    refuses(2, "name a trace")
    refuses(1, "No such file", "none.gwt")
    refuses(1, "text", "text")
    refuses(1, "text", "made.gwt", "text")
    refuses(2, "no scheme", "--schemes", "x", "made.gwt")
    refuses(2, "exact or linux", "--policy", "x", "made.gwt")
    refuses(2, "unknown option", "--nonsense", "made.gwt")
    refuses(1, "gnuplot-nox", "made.gwt", env={**os.environ, "PATH": "/nowhere"})
    refuses(1, "No such file", "made.gwt", "-o", "none/page.html")
    refuses(1, "directory", "made.gwt", "-o", ".")
    os.mkfifo("pipe")
    refuses(1, "not supported", "made.gwt", "-o", "pipe")
    Path("bin").mkdir()
    stub = Path("bin/gnuplot")
    for script, words in (('[ "$1" = --version ]', "gnuplot failed"), (":", "drew no charts")):
        stub.write_text(f"#!/bin/sh\n{script}\n")
        stub.chmod(0o755)
        refuses(1, words, "made.gwt", "--schemes", "three-states",
                env={**os.environ, "PATH": os.path.abspath("bin") + ":" + os.environ["PATH"]})


def shown(number, digits):
    """A number as the page has it."""
    return f"{number:,.{digits if number < 99.95 else 0}f}"


def row_of(scheme):
    m = scheme["memory"]
    kib = [m["held_bytes_peak"], m["held_bytes_mean"], m["wasted_bytes_peak"],
           m["wasted_bytes_mean"]]
    return [shown(bytes / 1024, 0) for bytes in kib] + [
        shown(100 * m["wasted_part"], 1), shown(m["waiting_bytes_peak"] / 1024, 0),
        shown(m["waiting_bytes_mean"] / 1024, 1), shown(m["reuse_ms_median"], 1),
        shown(m["reuse_ms_p99"], 1), shown(m["reuse_ms_worst"], 1), shown(m["tables_built"], 0),
        shown(m["tables_deferred"] + m["tables_removed"], 0), shown(m["callbacks"], 0),
        shown(m["grace_periods"], 0), shown(m["side_bytes_a_page"], 0)]


# What grace periods, which take as long as they take, have no part in.
SAME = ("tables_built", "tables_deferred", "tables_removed", "side_bytes_a_page", "pages_after")


def figures_are_compares():
    """The table has the page's data; the data are what compare tells, in all that repeats."""
    Path("made.gwt").write_bytes(trace([b"made"]))
    traces = ["made.gwt", *kept]
    options = ["--schemes", "last-table-out+three-states", "--policy", "linux"]
    done = run("-o", "page.html", *options, *traces)
    check(done.returncode == 0 and not done.stderr, f"report: {done.stderr}")
    page, wrong = faults(Path("page.html").read_text())
    check(not wrong, f"page: {wrong}")
    again = run(*options, "--rounds", "0", "--walkers", "0", "--json", *traces, command="compare")
    again = json.loads(again.stdout)["traces"]
    here = page.figures["traces"]
    check(page.count["svg"] == len(traces) * (4 + 2), f"{page.count['svg']} charts")
    check(page.count["polygon"] > 10 * len(traces) < page.count["path"], "empty charts")
    tables = [table for table in page.tables if "Figures" in table["caption"]]
    check(len(tables) == len(here) == len(again) == len(traces), "traces are missing")
    for table, one, there in zip(tables, here, again):
        check(all(one[name] == there[name] for name in there if name != "schemes"),
              f"{one['trace']}: unlike compare's")
        check(len(table["rows"]) == 2 + len(there["schemes"]), "schemes are missing")
        for row, scheme, other in zip(table["rows"][2:], one["schemes"], there["schemes"]):
            check(row[1:] == row_of(scheme), f"{row}: not {row_of(scheme)}")
            check(row[0].endswith(scheme["name"]), f"{row[0]} is {scheme['name']}")
            check([scheme["memory"][name] for name in SAME] ==
                  [other["memory"][name] for name in SAME], f"{row[0]}: unlike compare's")
    overview = page.tables[0]["rows"]
    for row, one in zip(overview[1:], here) if len(traces) > 1 else ():
        check(row[1:] == [shown(100 * scheme["memory"]["wasted_part"], 1)
                          for scheme in one["schemes"]], f"overview: {row}")


HOSTILE = [
    b"</code><script>document.title='owned'</script>", b"<img src=http://evil.example/x onerror=1>",
    b"\"'`$(touch owned)`touch owned`", b"'; system 'touch owned'; set output 'owned'\n!touch owned",
    b"&amp;&#60;", b"]]><!--", b"</script><svg onload=alert(1)>", b"\xff\xfe\xc0\xaf\xed\xa0\x80",
    b"\x01\x1b[31m\x7f\xc2\x85", "\u202egnp.x \u00fcber \u2028".encode(), b"\\u003c/script\\n",
]
# As they are shown: control characters as their pictures, what is no UTF-8 as U+FFFD.
BECOMES = "\ufffd" * 7


def hostile_words_stay_words():
    name = "a'`touch owned`$(touch owned)<b onclick=x>\"&;.gwt"
    Path(name).write_bytes(trace(HOSTILE, kernel=b"<b>6.18</b>'\n"))
    done = run("-o", "<owned>.html", "--schemes", "three-states", name)
    check(done.returncode == 0 and not done.stderr, f"hostile: {done.stderr}")
    text = Path("<owned>.html").read_bytes().decode()  # sound UTF-8
    page, wrong = faults(text)
    check(not wrong, f"hostile: {wrong}")
    check(not os.path.exists("owned"), "a command was run")
    program = page.figures["traces"][0]["program"]
    for i, word in enumerate(HOSTILE):
        shown = word.decode("utf-8", "replace") if i != 7 else BECOMES
        check(program[i] == (word.decode() if i != 7 else BECOMES), f"{word}: {program[i]!r}")
        shown = "".join(chr(0x2400 + ord(c)) if ord(c) < 32 else "\u2421" if ord(c) == 127 else
                        "\ufffd" if 0x80 <= ord(c) < 0xA0 else c for c in shown)
        check(shown in page.text["bdi"], f"{word} is not shown as {shown!r}")
    check(name in page.text["bdi"] and "owned" not in page.text["title"].split(name)[0],
          "the name of the file")
    # The command, typed again, has the words that it had.
    shell = page.text["code"].split("gracewalk report")[1]
    words = subprocess.run(["sh", "-c", f"printf '%s\\n' {shell}"], capture_output=True, text=True)
    check(words.stdout.split("\n")[:5] == ["-o", "<owned>.html", "--schemes", "three-states", name],
          f"command: {words.stdout}")
    check(not os.path.exists("owned"), "the command to repeat runs another")


def traces_of_little():
    """A program that touches nothing, one of a single moment, and words without an end."""
    for case, made in (("nothing", trace([b"x"], events=1)), ("touch", trace([b""], events=3)),
                       ("moment", trace([b"x"], moment=0)), ("long", trace([b"w" * 65535] * 20))):
        Path("made.gwt").write_bytes(made)
        done = run("-o", "page.html", "--schemes", "three-states", "made.gwt")
        check(done.returncode == 0 and not done.stderr, f"{case}: {done.stderr}")
        page, wrong = faults(Path("page.html").read_text())
        check(not wrong and page.count["svg"] == 5, f"{case}: {wrong}")
        check(len(page.text.get("bdi", "")) < 3000, f"{case}: all of it is shown")


with tempfile.TemporaryDirectory() as directory:
    os.chdir(directory)
    what_is_refused()
    there = shutil.which("gnuplot")
    if there:
        figures_are_compares()
        hostile_words_stay_words()
        traces_of_little()
    os.chdir("/")
if failures:
    sys.exit(1)
if not there:
    print("skipped: gnuplot is not there")
    sys.exit(77)
print("all as expected")
