#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
"""Writes the manual pages of section 3, in mdoc, out of the comments of the public headers.

usage: man3.py INCLUDE-DIRECTORY PAGES DATE-PAGE DIRECTORY

PAGES says what is on which page, one a line: page | description | functions | types. A function
that headers declare and no page has is an error, and so is what no header has. DATE-PAGE is a
manual page whose date the others get.
"""
import pathlib
import re
import sys
import textwrap

# How it is linked, what it returns, its name, its arguments, and whether it is declared or defined.
FUNCTION = re.compile(r'^((?:static |inline |GW_WALK_INLINE )*)([\w *]*?)(gw_\w+)'
                      r'\(([^;{]*)\)\s*([;{])', re.M)
HEADERS = 'gracewalk walk walk_many cursor format/attr heap env urcu bare'.split()


class Chunk:
    """A comment and the code under it, with no blank line between."""

    def __init__(self, header, needs_format, text):
        self.header, self.needs_format = header, needs_format
        match = re.match(r'/\*(.*?)\*/\n?(.*)', text, re.S)
        comment, self.code = match.groups() if match else ('', text)
        self.comment = [re.sub(r'^ \*? ?', '', line).rstrip() for line in comment.split('\n')]
        # Functions that a user calls; of those compiled into their caller the ones with a contract.
        self.functions = [m for m in FUNCTION.finditer(self.code)
                          if m[5] == ';' and not m[1] or 'Context' in comment and m[1]]


def chunks(directory, header):
    text = (directory / f'{header}.h').read_text()
    text = re.sub(r'#ifdef __cplusplus\n(extern "C" \{|\})\n#endif\n', '', text)
    needs_format, depth, lines = 'Needs GW_FORMAT' in text, 0, []
    for line in text.split('\n') + ['']:
        needs_format |= line == '#ifdef GW_FORMAT'
        if line.startswith('#') or not line and not depth:
            if lines:
                yield Chunk(header, needs_format, '\n'.join(lines))
            lines = []
            continue
        lines.append(line)
        depth += line.count('{') - line.count('}')


def escape(text):
    return re.sub(r'-(?=E[A-Z]|\d)', r'\\-', text.replace('\\', r'\e'))


def filled(text):
    """Running text: each sentence on a line of its own, as mdoc has it; `names` in italics."""
    for sentence in re.split(r'(?<=[.?!:)]) (?=[A-Z(]|gw_)', escape(' '.join(text.split()))):
        for line in textwrap.wrap(sentence, 70, break_on_hyphens=False, break_long_words=False):
            line = re.sub(r'`([^`]*)`', r'\\fI\1\\fR', line)
            yield '\\&' + line if line[0] in ".'" else line


def literal(lines):
    yield '.Bd -literal'
    for line in lines:
        yield '\\&' + escape(line) if line[:1] in ("'", '.') else escape(line)
    yield '.Ed'


def columns(lines):
    """Of a list of words and what they mean: where that begins. None: it is something else."""
    if len({len(line) - len(line.lstrip()) for line in lines}) > 1:
        return None
    starts = [m.end() for line in lines for m in [re.match(r' *\S+(?: \S+)*  +', line)] if m]
    at = max(set(starts), key=starts.count) if starts else 0
    aligned = all(line[at - 1] == ' ' and line[at:at + 1].strip() for line in lines)
    return at if at and aligned else None


def block(lines):
    """What stands between two empty lines of a comment."""
    text = '\n'.join(lines)
    indent = len(lines[0]) - len(lines[0].lstrip())
    letters = re.split(r'^  ([A-Z])  ', text, flags=re.M)
    tags = re.split(r'^((?:Context|Return|, )+:) ', text, flags=re.M)
    if re.fullmatch(r'[A-Z]+', text):
        yield f'.Ss {text}'
    elif re.match(r' +- ', text):
        yield '.Bl -bullet'
        for item in re.split(r'^ +- ', text, flags=re.M)[1:]:
            yield from ['.It', *filled(item)]
        yield '.El'
    elif len(letters) > 1:
        yield '.Bl -tag -width Ds'
        for letter, what in zip(letters[1::2], letters[2::2]):
            yield from [f'.It {letter}', *filled(what)]
        yield '.El'
    elif indent and columns(lines):
        at = columns(lines)
        yield '.Bl -tag -width "grace period"'
        for line in lines:
            yield from [f'.It {line[:at].strip()}', *filled(line[at:])]
        yield '.El'
    elif indent and (re.search(r'\S   +\S', text) or lines[0].lstrip()[0] == '#'):
        yield from literal(textwrap.dedent(text).split('\n'))
    else:
        if tags[0]:
            yield from ['.Pp', *filled(tags[0])]
        if len(tags) > 1:
            yield '.Bl -tag -width Context:'
            for tag, what in zip(tags[1::2], tags[2::2]):
                yield from [f'.It {tag}', *filled(what)]
            yield '.El'


def comment(lines):
    for text in re.split(r'\n *\n', '\n'.join(lines).strip('\n')):
        if text:
            yield from block(text.split('\n'))


def definition(code):
    """Types as the header has them, in 74 columns: comments that are too wide stand above."""
    def narrow(match):
        indent, before, text = match.groups()
        indent = indent.expandtabs(4)
        line = f'{indent}{before}/* {" ".join(text.split())} */'
        if len(line) <= 74:
            return line
        text = f'\n{indent} *\n'.join(
            textwrap.fill(' '.join(part.split()), 71, initial_indent=indent + ' * ',
                          subsequent_indent=indent + ' * ', break_on_hyphens=False)
            for part in text.split('\0'))
        text = f'{indent}/*{text[len(indent) + 2:]} */'
        return text + (f'\n{indent}{before.rstrip()}' if before else '')
    # A comment becomes one line first, with a NUL between its paragraphs.
    code = re.sub(r'\n[\t ]+\*\n[\t ]+\* ', '\0', code)
    code = re.sub(r'\n[\t ]+\* ', ' ', code)
    code = re.sub(r'^([\t ]*)([^\n]*?)/\*(.*?)\*/', narrow, code, flags=re.M | re.S)
    return code.expandtabs(4).strip('\n').split('\n')


def tidy(lines):
    """No paragraph begins under a heading."""
    last = ''
    for line in lines:
        if line != '.Pp' or not last.startswith(('.Ss', '.Sh')):
            yield line
        last = line


def synopsis(chunk, found):
    if chunk.needs_format:
        yield '.Fd #define GW_FORMAT x86_64'
    yield f'.In gracewalk/{"gracewalk" if chunk.needs_format else chunk.header}.h'
    for _, match in found:
        arguments = ' '.join(match[4].split())
        arguments = re.sub(r', (?=[^()]*(\(|$))', '\n', arguments).split('\n')
        yield from [f'.Ft {" ".join(match[2].split())}', f'.Fo {match[3]}']
        yield from [f'.Fa "{argument}"' for argument in arguments]
        yield '.Fc'


class Pages:
    def __init__(self, directory, table, date):
        self.date = date
        self.chunks = [chunk for header in HEADERS for chunk in chunks(directory, header)]
        self.functions = {m[3]: (chunk, m) for chunk in self.chunks for m in chunk.functions}
        self.table = [[field.strip() for field in line.split('|')] for line in table]
        told = [name for page in self.table for name in page[2].split()]
        for name in set(told) ^ set(self.functions):
            sys.exit(f'man3.py: {name} is ' + ('in no header' if name in told else 'on no page'))

    def head(self, title, names, what):
        yield '.\\" Made by docs/man3.py out of the headers.'
        yield from [f'.Dd {self.date}', f'.Dt {title.upper()} 3', '.Os', '.Sh NAME']
        yield from [f'.Nm {name} ,' for name in names[:-1]]
        yield from [f'.Nm {names[-1]}', f'.Nd {what}']

    def type(self, name):
        for chunk in self.chunks:
            declared = rf'^(struct|enum) {name}( \{{|;)|^enum \{{\s*{name} = '
            if re.search(declared, chunk.code, re.M) or chunk.comment[0].strip() == name:
                return chunk
        sys.exit(f'man3.py: {name} is in no header')

    def page(self, title, what, functions, types):
        found = [self.functions[name] for name in functions.split()]
        types = [(name, self.type(name)) for name in types.split()]
        yield from self.head(title, functions.split() or [title], what)
        yield '.Sh SYNOPSIS'
        yield from synopsis(found[0][0] if found else types[0][1], found)
        yield '.Sh DESCRIPTION'
        for chunk in dict.fromkeys(chunk for chunk, _ in found):
            yield '.Ss ' + ' , '.join(match[3] for match in chunk.functions)
            yield from comment(chunk.comment)
        for name, chunk in types:
            if chunk.code:
                yield f'.Ss {name}'
            if not chunk.functions:
                yield from comment(chunk.comment)
            if chunk.code:
                yield from literal(definition(FUNCTION.sub('', chunk.code)))
        yield from ['.Sh SEE ALSO', '.Xr gracewalk 3']

    def overview(self):
        yield from self.head('gracewalk', ['gracewalk'],
                             'page tables that can be freed while they are walked')
        yield from ['.Sh SYNOPSIS', '.Fd #define GW_FORMAT x86_64', '.In gracewalk/gracewalk.h',
                    '.In gracewalk/urcu.h', '.Sh DESCRIPTION', '.Bl -tag -width gw_cursor_start(3)']
        for name, what, _, _ in self.table:
            yield from [f'.It Xr {name} 3', what]
        yield '.El'
        words = next(chunk for chunk in self.chunks if 'WORDS' in chunk.comment[0])
        yield from comment(words.comment)
        yield from ['.Sh SEE ALSO', '.Xr gracewalk 1']


def main():
    include, table, date_page, out = map(pathlib.Path, sys.argv[1:])
    date = re.search(r'^\.Dd (.*)$', date_page.read_text(), re.M)[1]
    pages = Pages(include / 'gracewalk', table.read_text().splitlines(), date)
    for title, *rest in pages.table:
        (out / f'{title}.3').write_text('\n'.join(tidy(pages.page(title, *rest))) + '\n')
    (out / 'gracewalk.3').write_text('\n'.join(tidy(pages.overview())) + '\n')


main()
