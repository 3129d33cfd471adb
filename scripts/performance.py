#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
"""Puts the figures of `make bench` into docs/performance.md, between its marks:
performance.py build/bench/peers.json docs/performance.md"""
import json
import pathlib
import re
import sys


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value else "0"


def cell(row):
    if row is None or "skipped" in row:
        return "-"
    text = number(row["value"]["median"])
    return f"{text} ({row['ratio']['median']:.3g})" if "ratio" in row else text


class Report:
    def __init__(self, path):
        self.json = json.loads(pathlib.Path(path).read_text())
        self.figures = {(f["name"], f["metric"]): f for f in self.json["figures"]}

    def rows(self, column):
        return {row["name"]: row for row in self.figures.get(column, {"rows": []})["rows"]}

    def table(self, columns):
        """columns: heading -> (title, metric); those that were not measured are left out."""
        columns = {head: self.rows(at) for head, at in columns.items() if at in self.figures}
        if not columns:
            return "Not measured.\n"
        names = list(dict.fromkeys(name for rows in columns.values() for name in rows))
        lines = ["| | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
        lines += ["| " + " | ".join([name] + [cell(rows.get(name)) for rows in columns.values()]) + " |"
                  for name in names]
        skipped = {f"{name}: {row['skipped']}." for rows in columns.values()
                   for name, row in rows.items() if "skipped" in row}
        if skipped:
            lines += ["", "Skipped: " + " ".join(sorted(skipped))]
        return "\n".join(lines) + "\n"


def machine(report):
    return "".join(f"- {key}: {report.json[key]}\n" for key in ("machine", "compiler", "flags"))


def lookups(report):
    sizes = dict.fromkeys(re.match(r"lookups among (\d+) ", title)[1]
                          for title, _ in report.figures if title.startswith("lookups among"))
    text = []
    for size in sizes:
        for beside in ("", ", an updater beside"):
            columns = {f"{order}, {section}": (f"lookups among {size} pages, {order}, {section}{beside}",
                                               "lookup")
                       for order in ("independent", "dependent")
                       for section in ("in a section held", "a section each")}
            text += [f"{int(size):,} pages{beside}:\n", report.table(columns)]
    return "\n".join(text) or "Not measured.\n"


def updates(report):
    titles = [title for title, _ in report.figures if title.startswith("map and unmap, n = ")]
    text = []
    for whose in ("the updater's time", "all processor time"):
        columns = {title.removeprefix("map and unmap, "): (title, f"a page mapped and unmapped, {whose}")
                   for title in dict.fromkeys(titles)}
        text += [f"{whose[0].upper()}{whose[1:]}:\n", report.table(columns)]
    return "\n".join(text)


def by_metric(prefix):
    """One table for each title that begins so, with a column for each metric."""
    def make(report):
        titles = dict.fromkeys(title for title, _ in report.figures if title.startswith(prefix))
        parts = [f"{title[0].upper()}{title[1:]}:\n\n" + report.table(
                     {f"{metric}, {report.figures[title, metric]['unit']}": (title, metric)
                      for at, metric in report.figures if at == title})
                 for title in titles]
        return "\n".join(parts) or "Not measured.\n"
    return make


TABLES = {"machine": machine, "lookups": lookups, "updates": updates,
          "cycle": by_metric("one page in each"), "small": by_metric("256 small maps"),
          "life": by_metric("create and destroy"), "modes": by_metric("two threads"),
          "latency": by_metric("single lookups"), "unmaps": by_metric("unmaps of 512 pages")}


def main(report_path, document_path):
    report = Report(report_path)
    document = pathlib.Path(document_path)
    text = document.read_text()
    for name, make in TABLES.items():
        text, found = re.subn(rf"(<!-- table {name} -->\n).*?(<!-- end -->)",
                              lambda mark: f"{mark[1]}{make(report)}{mark[2]}", text, flags=re.S)
        if not found:
            sys.exit(f"{document_path}: no place for the table {name}")
    document.write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
