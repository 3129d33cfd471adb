# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
"""A report's page taken apart: its tags balance, it needs nothing but itself, and its tables."""
import html.parser
import json
import re

VOID = {"meta", "br", "col", "link", "img", "input", "hr"}
# All that a page is made of. What a stranger writes into a trace adds nothing to it.
KNOWN = set("html head meta title style body header main section article footer h1 h2 h3 p ul li "
            "dl dt dd div b i a bdi code span small figure figcaption table caption colgroup thead "
            "tbody tr th td script svg g path polygon rect text".split())
ATTRIBUTES = set("class id lang charset name content http-equiv href type role tabindex scope span "
                 "colspan rowspan width height viewbox d points fill stroke color transform x y "
                 "font-family font-size text-anchor stroke-width stroke-linecap stroke-linejoin "
                 "stroke-dasharray shape-rendering aria-label aria-labelledby style "
                 "stroke-opacity fill-opacity".split())


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.wrong, self.ids, self.labels, self.links = [], [], [], [], []
        self.count, self.tables, self.text, self.figures = {}, [], {}, None
        self.feed(text)
        self.close()
        if self.open:
            self.wrong.append(f"left open: {self.open}")

    def handle_starttag(self, tag, pairs):
        values = dict(pairs)
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in KNOWN:
            self.wrong.append(f"a {tag} element")
        for name, value in pairs:
            if name not in ATTRIBUTES:
                self.wrong.append(f"{name} of {tag}")
            if name == "id":
                self.ids.append(value)
        if tag == "svg" and (values.get("role") != "img" or not values.get("aria-label")):
            self.wrong.append("an svg without words")
        if tag == "th" and "scope" not in values:
            self.wrong.append("a th without scope")
        if tag == "script" and values.get("type") != "application/json":
            self.wrong.append("a script that is no data")
        self.labels += values.get("aria-labelledby", "").split()
        self.links += [values["href"]] if "href" in values else []
        if tag == "table":
            self.tables.append({"caption": "", "rows": []})
        elif tag == "tr":
            self.tables[-1]["rows"].append([])
        elif tag in ("th", "td"):
            self.tables[-1]["rows"][-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.wrong.append(f"/{tag} within {self.open}")
        else:
            self.open.pop()

    def handle_data(self, data):
        if not self.open:
            return
        tag = self.open[-1]
        self.text[tag] = self.text.get(tag, "") + data
        if tag == "script":
            try:
                self.figures = json.loads(data)
            except ValueError as error:
                self.wrong.append(f"data that are no JSON: {error}")
        elif "caption" in self.open:
            self.tables[-1]["caption"] += data
        elif "tr" in self.open:
            self.tables[-1]["rows"][-1][-1] += data


def faults(text):
    """What is wrong with a page. Only the trace's own words may speak of other places."""
    page = Page(text)
    wrong = page.wrong
    bare = re.sub(r'<script type="application/json".*?</script>|<code>.*?</code>|<code class.*?</code>',
                  "", text, flags=re.S)
    for outside in ("http:", "https:", " src=", "url(", "@import", "javascript:", "<use", "<?xml"):
        if outside in bare:
            wrong.append(f"{outside} in the page")
    if len(set(page.ids)) != len(page.ids):
        wrong.append("an id twice")
    wrong += [f"no {to}" for to in page.labels if to not in page.ids]
    wrong += [f"a link to {to}" for to in page.links if to[:1] != "#" or to[1:] not in page.ids]
    for table in page.tables:
        if not table["caption"]:
            wrong.append("a table without a caption")
    if page.count.get("h1") != 1 or page.count.get("title") != 1:
        wrong.append("not one h1 and one title")
    return page, wrong
