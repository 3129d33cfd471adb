#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
"""Puts the figures of `make bench` into docs/performance.md, between its marks, and draws its
pictures, with gnuplot, in docs/performance/:
performance.py build/bench/peers.json docs/performance.md"""
import json
import pathlib
import re
import subprocess
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
        counts = pathlib.Path(path).with_name("counts.json")
        self.counts = json.loads(counts.read_text())["tables"] if counts.exists() else []
        standard = pathlib.Path(path).with_name("standard-test.txt")
        self.standard = standard.read_text() if standard.exists() else ""

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
    return (by_metric("sparse churn")(report) + "\n" + markdown([""] + heads, rows) + "\n" +
            picture("Held over time", "churn"))


def counted(prefix):
    """Tables of the counting program, whose names begin so; columns of zeroes are left out."""
    def cell(value):
        return "" if value is None else f"{value:,.3f}".rstrip("0").rstrip(".")

    def make(report):
        parts = []
        for table in report.counts:
            if not table["name"].startswith(prefix):
                continue
            kept = [i for i in range(len(table["columns"]))
                    if any(row["values"][i] for row in table["rows"])]
            rows = [[row["name"]] + [cell(row["values"][i]) for i in kept]
                    for row in table["rows"] if any(row["values"])]
            name = table["name"].split(", ", 1)[1]
            parts.append(f"{name[0].upper()}{name[1:]}:\n\n" +
                         markdown([""] + [table["columns"][i] for i in kept], rows))
        return "\n".join(parts) or "Not counted.\n"
    return make


def standard(report):
    return f"```\n{report.standard}```\n" if report.standard else "Not measured.\n"


def picture(text, name):
    return f"![{text}]({PICTURES}/{name}.svg)\n"


def growing(report, prefix):
    """Titles that end, or go on, with a number: number -> title."""
    found = {title: re.match(re.escape(prefix) + r"(\d+)", title) for title, _ in report.figures}
    return {int(match[1]): title for title, match in found.items() if match}


# metric -> the picture's name, of figures among ever more pages
GROWTH = {"independent lookup, in a section held": "growth-independent",
          "dependent lookup, in a section held": "growth-dependent",
          "a page mapped, one after the other": "growth-fill",
          "memory a page, by its own account": "growth-memory"}


def growth(report):
    sizes = growing(report, "growth, ")
    if not sizes:
        return "Not measured.\n"
    parts = []
    for metric, name in GROWTH.items():
        title = f"{metric}, {report.figures[next(iter(sizes.values())), metric]['unit']}"
        columns = {f"2^{size.bit_length() - 1}": (at, metric) for size, at in sizes.items()}
        parts += [f"{title[0].upper()}{title[1:]}:\n", report.table(columns), picture(title, name)]
    return "\n".join(parts)


def threads(report):
    columns = {f"{n} thread{'s' * (n > 1)}": (title, "a page through all it takes")
               for n, title in growing(report, "growth, threads, local: ").items()}
    table = report.table(columns)
    return table + "\n" + picture("Million pages a second", "threads") if columns else table


# metric -> the picture's name, of ever more maps
MANY = {"lookup, a section each": "many-lookup",
        "a page unmapped and mapped again": "many-update"}


def many(report):
    maps = growing(report, "growth, maps used in turn: ")
    parts = [f"{metric[0].upper()}{metric[1:]}:\n\n" +
             report.table({f"{n:,}": (title, metric) for n, title in maps.items()}) + "\n" +
             picture(f"{metric}, ns", name) for metric, name in MANY.items()]
    return "\n".join(parts) if maps else "Not measured.\n"


def curves_by_number(report, titles, metric, of=lambda value: value):
    """name -> [(number, value)], over titles that have a number each."""
    curves = {}
    for n, title in sorted(titles.items()):
        for name, row in report.rows((title, metric)).items():
            if "skipped" not in row:
                curves.setdefault(name, []).append((n, of(row["value"]["median"])))
    return curves


def churn_curves(report):
    curves = {}
    for series in report.series("sparse churn"):
        column = {c["name"]: c["values"] for c in series["columns"]}
        if not re.search("index64|huge|flat|stay", series["row"]) or series["row"].endswith(
                "x86-64, tables stay"):
            curves[series["row"]] = [(x, y / 1024) for x, y in
                                     zip(column["time"], column["held, by the kernel"])]
    return curves


def draw(report, results, pictures):
    """A file for each picture, and gnuplot over all of them."""
    sizes = growing(report, "growth, ")
    curves = {name: curves_by_number(report, sizes, metric) for metric, name in GROWTH.items()}
    curves["threads"] = curves_by_number(report, growing(report, "growth, threads, local: "),
                                         "a page through all it takes", lambda ns: 1000 / ns)
    maps = growing(report, "growth, maps used in turn: ")
    curves |= {name: curves_by_number(report, maps, metric) for metric, name in MANY.items()}
    curves["churn"] = churn_curves(report)
    for name, of_picture in curves.items():
        blocks = [f'"{curve}"\n' + "".join(f"{x} {y}\n" for x, y in points)
                  for curve, points in of_picture.items()]
        (results / f"{name}.dat").write_text("\n\n".join(blocks))
    if any(curves.values()):
        pictures.mkdir(exist_ok=True)
        subprocess.run(["gnuplot", "-e", f"out='{pictures.resolve()}/'",
                        pathlib.Path(__file__).with_suffix(".gp").resolve()],
                       cwd=results, check=True)


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


PICTURES = "performance"  # beside the document
TABLES = {"machine": machine, "lookups": lookups, "updates": updates,
          "cycle": by_metric("one page in each"), "churn": churn,
          "growth": growth, "threads": threads, "many": many,
          "small": by_metric("256 small maps"),
          "life": by_metric("create and destroy"), "modes": by_metric("two threads"),
          "latency": by_metric("single lookups"), "unmaps": by_metric("unmaps of 512 pages"),
          "counts": counted("counts, "), "shared": counted("writes to shared lines, "),
          "standard": standard}


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
    draw(report, pathlib.Path(report_path).parent, document.parent / PICTURES)


if __name__ == "__main__":
    main(*sys.argv[1:])
