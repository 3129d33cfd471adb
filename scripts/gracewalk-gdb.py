# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
"""Page tables for GDB, of a process or out of a core: gw-print, gw-stats. See gracewalk-probes(7).

How entries look is left to `gracewalk dump`, which knows all formats and trusts no table. What is
done here is to find the tables' memory: the blocks that the page table's heaps hold.
"""
import collections
import re
import subprocess
import sys
import tempfile

import gdb

MOST_BYTES = 1 << 32  # of tables: a heap that says it holds more is not believed
GROUP = 64            # blocks that a word of `held` is for

Run = collections.namedtuple('Run', 'start end')  # of memory


class Command(gdb.Parameter):
    """gw-print has it decode page tables: a path, or a name to be found in PATH."""

    set_doc = 'Set the command gracewalk.'
    show_doc = 'Show the command gracewalk.'

    def __init__(self):
        super().__init__('gracewalk-command', gdb.COMMAND_DATA, gdb.PARAM_FILENAME)
        self.value = 'gracewalk'

    def get_set_string(self):
        return ''

    def get_show_string(self, value):
        return f'Page tables are decoded by "{value}".'


COMMAND = Command()


def page_table(word):
    """The library's struct page_table behind a struct gw_pt *."""
    try:
        kind = gdb.lookup_type('struct page_table')
        if not {'pt', 'heap', 'format'} <= set(kind.keys()):
            raise gdb.GdbError('struct page_table is not Gracewalk\'s here: go to one of its frames')
    except gdb.error:
        raise gdb.GdbError('no debugging information of libgracewalk')
    value = gdb.parse_and_eval(word)
    if value.type.strip_typedefs().code not in (gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_INT):
        raise gdb.GdbError(f'{word} is no struct gw_pt *')
    return value.cast(kind.pointer()).dereference()


def heaps(table):
    for i in range(*[n + k for k, n in enumerate(table['heap'].type.range())]):
        if int(table['heap'][i]):
            yield table['heap'][i].dereference()


def read(start, end):
    return gdb.selected_inferior().read_memory(start, end - start).tobytes()


# ---- The memory of tables ----

def held_blocks(heap):
    """Numbers of the blocks that have memory."""
    blocks, size = int(heap['fresh']), 1 << int(heap['block_lg2'])
    if blocks > int(heap['nblocks']):
        raise gdb.GdbError(f'the heap at {int(heap.address):#x} is damaged')
    for first in range(0, blocks, GROUP):
        word = int(heap['held'][first // GROUP] if first else heap['held_first'])
        numbers = [first + bit for bit in range(GROUP) if word >> bit & 1]
        if len(numbers) * size > MOST_BYTES:
            raise gdb.GdbError(f'the heap at {int(heap.address):#x} is damaged, or too large')
        yield from numbers


def memory(table):
    """Runs of memory that the heaps hold."""
    runs, total = [], 0
    for heap in heaps(table):
        base, size = int(heap['base']), 1 << int(heap['block_lg2'])
        for number in held_blocks(heap):
            total += size
            if total > MOST_BYTES:
                raise gdb.GdbError(f'more than {MOST_BYTES:#x} bytes of tables')
            runs.append(Run(base + number * size, base + (number + 1) * size))
    if not runs:
        raise gdb.GdbError('the heaps hold no memory')
    return runs


def write_image(image, runs):
    """Writes what can be read, at its distance from the lowest run. Return: the runs written."""
    base, written = min(runs).start, []
    for run in runs:
        try:
            data = read(*run)
        except gdb.MemoryError:
            print(f'{run.start:#x}-{run.end - 1:#x}: tables that cannot be read')
            continue
        image.seek(run.start - base)
        image.write(data)
        written.append(run)
    image.truncate(max(runs).end - base)
    image.flush()
    return written


# ---- The commands ----

def dump(arguments):
    try:
        return subprocess.run([COMMAND.value, 'dump', *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True).stdout
    except OSError as error:
        raise gdb.GdbError(f'{COMMAND.value}: {error.strerror}; see "help set gracewalk-command"')


def elsewhere(text, runs):
    """Of the tables that a dump as JSON tells of, those that are not in what was read: in the image
    there are zeroes for them."""
    for address in re.findall(r'"kind":"table".*?"table":"(0x[0-9a-f]+)"', text):
        if not any(run.start <= int(address, 16) < run.end for run in runs):
            yield address


class Print(gdb.Command):
    """Shows what a page table maps: gw-print [-f FORMAT] PT [VA [BYTES]].
PT: a struct gw_pt *, of one word or quoted. VA, BYTES: only what lies there.
Leaves that follow one another are on one line; at the end are tables by level. FORMAT is known
from PT; what is named here is believed instead, for a page table that is damaged."""

    def __init__(self):
        super().__init__('gw-print', gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        words, name = gdb.string_to_argv(argument), None
        if words[:1] == ['-f'] and len(words) > 1:
            name, words = words[1], words[2:]
        if not 1 <= len(words) <= 3:
            raise gdb.GdbError('gw-print [-f FORMAT] PT [VA [BYTES]]')
        table = page_table(words[0])
        try:
            self.show(table, name or table['format'].string('ascii'), *words)
        except (gdb.MemoryError, UnicodeDecodeError) as error:
            raise gdb.GdbError(f'{words[0]} is no page table, or a damaged one: {error}')

    def show(self, table, name, word, *span):
        mask = (1 << 8 * table['pt']['to_pointer'].type.sizeof) - 1
        bias = int(table['pt']['to_pointer'])  # a pointer less a physical address
        runs = memory(table)
        arguments = ['--format', name, '--linear',
                     '--root', hex(int(table['pt']['root']) - bias & mask),
                     '--image-base', hex(min(runs).start - bias & mask)]
        if int(table['opts']['bytes']):
            va = int(table['opts']['va'])
            arguments += ['--for', f"{va:#x}-{va + int(table['opts']['bytes']) - 1:#x}"]
        if span:
            first, *size = (int(gdb.parse_and_eval(number)) & 2**64 - 1 for number in span)
            last = min(first + (size or [1])[0], 2**64) - 1
            arguments += ['--range', f'{first:#x}-{last:#x}']
        if ('big' in gdb.execute('show endian', to_string=True)) != (sys.byteorder == 'big'):
            arguments.append('--swap')
        with tempfile.NamedTemporaryFile(prefix='gracewalk-') as image:
            written = [Run(*(at - bias & mask for at in run)) for run in write_image(image, runs)]
            arguments += ['--image', image.name]
            print(dump(arguments).replace(image.name, word, 1), end='')
            for address in elsewhere(dump(arguments + ['--tables', '--json']), written):
                print(f'table at {address}: not held by a heap, or not to be read; shown as empty')


class Stats(gdb.Command):
    """Shows the figures of a page table and its heaps, as gw_stats has them: gw-stats PT."""

    def __init__(self):
        super().__init__('gw-stats', gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        table = page_table(argument)
        try:
            self.show(table)
        except gdb.MemoryError as error:
            raise gdb.GdbError(f'{argument} is no page table, or a damaged one: {error}')

    def show(self, table):
        print(f'format {table["format"].string("ascii")}')
        for heap in heaps(table):
            stats = {field.name: int(heap['stats'][field.name])
                     for field in heap['stats'].type.fields()}
            stats['defers'] = int(heap['defers'])
            stats['used'] = stats['allocs'] - stats['frees'] - stats['defers']
            stats['waiting'] = stats['defers'] - int(heap['released'])
            stats['waiting_peak'] = int(heap['waiting_peak'])
            stats['spare_blocks'] = int(heap['nspare'])
            stats['callbacks'] = int(heap['callbacks'])
            stats['free'] = (stats['blocks'] * stats['tables_per_block'] - stats['used'] -
                             stats['waiting'])
            print(f'heap {int(heap.address):#x}')
            for name, value in stats.items():
                print(f'  {name:17} {value}')
        print(f'idle {int(table["idle"])}')


Print()
Stats()
