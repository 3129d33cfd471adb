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

    def series(self, prefix):
        return [s for s in self.json.get("series", []) if s["name"].startswith(prefix)]

    def rows(self, column):
        return {row["name"]: row for row in self.figures.get(column, {"rows": []})["rows"]}

    def table(self, columns):
        """columns: heading -> (title, metric); those that were not measured are left out."""
        columns = {head: self.rows(at) for head, at in columns.items() if at in self.figures}
        if not columns:
            return "Not measured.\n"
        names = list(dict.fromkeys(name for rows in columns.values() for name in rows))
        text = markdown([""] + list(columns),
                        [[name] + [cell(rows.get(name)) for rows in columns.values()]
                         for name in names])
        skipped = {f"{name}: {row['skipped']}." for rows in columns.values()
                   for name, row in rows.items() if "skipped" in row}
        return text + ("\nSkipped: " + " ".join(sorted(skipped)) + "\n" if skipped else "")


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


def spread(values):
    return "{} [{}, {}]".format(*(number(values[key]) for key in ("median", "low", "high")))


def markdown(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def churn(report):
    """What the samples were, a row a structure; callbacks as they were at the end."""
    series = report.series("sparse churn")
    if not series:
        return "Not measured.\n"
    heads = list(dict.fromkeys(f"{c['name']}, {c['unit']}" for s in series for c in s["columns"]
                               if c["name"] != "time"))
    rows = []
    for s in series:
        cells = {f"{c['name']}, {c['unit']}": spread(c["spread"]) if c["unit"] == "KiB"
                 else number(c["values"][-1]) for c in s["columns"]}
        rows.append([s["row"]] + [cells.get(head, "-") for head in heads])
    return by_metric("sparse churn")(report) + "\n" + markdown([""] + heads, rows)


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
          "cycle": by_metric("one page in each"), "churn": churn,
          "small": by_metric("256 small maps"),
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
