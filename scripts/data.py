# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Puts tables of measured figures into docs/data.md, between <!-- table NAME --> and <!-- end -->, and
# writes what data.gp draws. Usage: data.py RESULTS DOCUMENT
import csv
import json
import pathlib
import re
import sys

ARCHS = {"s390": "2 in 4 KiB", "user": "16 in 64 KiB", "ppc64-radix": "256 in 64 KiB"}
ADVERSARY = {"s390": "adversarial-2", "user": "adversarial-16", "ppc64-radix": "adversarial-256"}
SCHEMES = {
    "head-per-page:own-page": "own page",
    "head-per-table": "head per table",
    "side-struct:queue-test,full-period": "side struct, repaired",
    "biased-refcount": "biased refcount",
    "last-table-out": "last table out",
    "halves": "halves",
    "three-states": "three states",
}
REUSING = "three-states"
PINNING = "last-table-out"


def trace_name(trace):
    return pathlib.Path(trace["trace"]).stem


def markdown(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def memory(trace):
    """The memory figures of each scheme that ran, by its name with the way of unmapping."""
    return {scheme["name"]: scheme["memory"] for scheme in trace["schemes"]}


def kib(bytes_):
    return f"{bytes_ / 1024:,.0f}"


def percent(part):
    return f"{100 * part:.1f} %"


def saved(less, more):
    return f"{100 * (1 - less / more):.1f} %" if more else ""


def waste_table(traces):
    names = [name for name in SCHEMES if name in memory(traces[0])]
    rows = [[trace_name(trace)] + [percent(memory(trace)[name]["wasted_part"]) for name in names]
            for trace in traces]
    return markdown(["trace"] + [SCHEMES[name] for name in names], rows)


def reuse_table(results):
    head = ["trace"]
    for sizes in ARCHS.values():
        head += [f"{sizes}: mean", "saved", "peak saved"]
    rows = []
    for traces in zip(*results.values()):
        row = [trace_name(traces[0])]
        for trace in traces:
            ours, theirs = memory(trace)[REUSING], memory(trace)[PINNING]
            row += [f"{kib(theirs['held_bytes_mean'])} to {kib(ours['held_bytes_mean'])}",
                    saved(ours["held_bytes_mean"], theirs["held_bytes_mean"]),
                    saved(ours["held_bytes_peak"], theirs["held_bytes_peak"])]
        rows.append(row)
    return markdown(head, rows)


def time_table(traces):
    def times(figures):
        return " / ".join(f"{figures['reuse_ms_' + key]:,.0f}" for key in ("median", "p99", "worst"))
    names = ["head-per-page:own-page", PINNING, REUSING]
    rows = [[trace_name(trace)] + [times(memory(trace)[name]) for name in names] for trace in traces]
    return markdown(["trace"] + [SCHEMES[name] for name in names], rows)


def callback_table(traces):
    names = ["head-per-table", "biased-refcount", PINNING, REUSING, PINNING + "/batch", REUSING + "/batch"]
    rows = []
    for trace in traces:
        figures = memory(trace)
        freed = figures[REUSING]["tables_deferred"]
        peaks = [kib(figures[name]["held_bytes_peak"]) for name in (REUSING, REUSING + "/batch")]
        rows.append([trace_name(trace), f"{freed:,}"] +
                    [f"{figures[name]['callbacks']:,}" for name in names] + [" / ".join(peaks)])
    return markdown(["trace", "tables freed"] + [name.replace("-", " ") for name in names] +
                    ["peak KiB, three states: by itself / batch"], rows)


def speed_table(results):
    def cell(trace, name):
        speed = next(s["speed"] for s in trace["schemes"] if s["name"] == name)
        ns, walks = speed["updater_ns"], speed["million_walks_a_second"]
        return f"{ns['median']:.0f} [{ns['min']:.0f}, {ns['max']:.0f}]; {walks['median']:.0f}"

    chosen = [(sizes, trace) for arch, sizes in ARCHS.items() for trace in results[arch]
              if trace_name(trace) in ("java-g1", ADVERSARY[arch])]
    names = [name for name in SCHEMES if name != "halves"] + [PINNING + "/batch", REUSING + "/batch"]
    rows = [[SCHEMES.get(name, name.replace("-", " "))] + [cell(trace, name) for _, trace in chosen]
            for name in names]
    return markdown(["scheme"] + [f"{trace_name(trace)}, {sizes}" for sizes, trace in chosen], rows)


def bench_figures(bench):
    """{(sizes, scheme): {"give out": (median, low, high), ...}}"""
    found = {}
    for figure in bench["figures"]:
        words = re.match(r"(\d+K/\d+(?: shuffled)?) (\S+): (.*)", figure["name"])
        if words and "values" in figure:
            values = figure["values"]
            found.setdefault(words.group(1, 2), {})[words.group(3)] = values
    return found


def bench_table(bench):
    figures = bench_figures(bench)
    sizes = [size for size in dict.fromkeys(key[0] for key in figures)]
    rows = []
    for scheme in dict.fromkeys(key[1] for key in figures):
        row = [SCHEMES.get(scheme, scheme.replace("-", " "))]
        for size in sizes:
            f = figures.get((size, scheme))
            row.append(f"{f['take back']['median']:.0f} + {f[CALLBACKS]['median']:.0f} "
                       f"({f['callbacks']['median']:.3f})" if f else "")
        rows.append(row)
    return markdown(["scheme"] + sizes, rows)


CALLBACKS = "callbacks' processor time"


def walk_table(bench):
    rows = [[figure["name"].removeprefix("walk: "),
             "{median:.1f} [{low:.1f}, {high:.1f}]".format(**figure["values"])]
            for figure in bench["figures"] if figure["name"].startswith("walk: ")]
    return markdown(["walk", "ns"], rows)


def write_waste_data(results, path):
    with open(path, "w") as out:
        print("trace", *(f'"{scheme}, {sizes}"' for sizes in ARCHS.values()
                         for scheme in (SCHEMES[PINNING], SCHEMES[REUSING])), file=out)
        for traces in zip(*results.values()):
            figures = [100 * memory(trace)[name]["wasted_part"] for trace in traces
                       for name in (PINNING, REUSING)]
            print(trace_name(traces[0]), *(f"{figure:.2f}" for figure in figures), file=out)


def write_curve(csv_path, trace, scheme, column, path):
    """Seconds and KiB of one run."""
    with open(csv_path) as lines, open(path, "w") as out:
        for row in csv.DictReader(lines):
            if pathlib.Path(row["trace"]).stem == trace and row["scheme"] == scheme:
                print(row["seconds"], int(row[column]) / 1024, file=out)


def write_bench_data(bench, path):
    figures = bench_figures(bench)
    with open(path, "w") as out:
        for (size, scheme), f in figures.items():
            if size in ("4K/2", "64K/256"):
                print(f'"{SCHEMES.get(scheme, scheme)}"', size, f["take back"]["median"],
                      f[CALLBACKS]["median"], file=out)


def main(results_path, document_path):
    path = pathlib.Path(results_path)
    all_results = {arch: json.loads((path / f"{arch}.json").read_text())["traces"]
                   for arch in list(ARCHS) + ["ppc64-hash"]}
    results = {arch: all_results[arch] for arch in ARCHS}
    bench = json.loads((path / "bench.json").read_text())
    tables = {f"waste {arch}": waste_table(traces) for arch, traces in all_results.items()}
    tables |= {f"time {arch}": time_table(traces) for arch, traces in results.items()}
    tables |= {"reuse": reuse_table(results), "callbacks": callback_table(results["ppc64-radix"]),
               "speed": speed_table(results), "bench": bench_table(bench), "walks": walk_table(bench)}
    document = pathlib.Path(document_path)
    text = document.read_text()
    for name, table in tables.items():
        text = re.sub(rf"(<!-- table {name} -->\n).*?(<!-- end -->)",
                      lambda found: f"{found.group(1)}{table}\n{found.group(2)}", text, flags=re.S)
    document.write_text(text)

    write_waste_data(results, path / "waste.dat")
    write_bench_data(bench, path / "bench.dat")
    for arch, trace in (("ppc64-radix", "adversarial-256"), ("user", "java-g1")):
        for scheme in (PINNING, REUSING):
            write_curve(path / f"{arch}.csv", trace, scheme, "held", path / f"{trace}-{scheme}.dat")
        write_curve(path / f"{arch}.csv", trace, REUSING, "in_use", path / f"{trace}-in-use.dat")


main(*sys.argv[1:])
