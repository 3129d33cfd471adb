# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
"""Looks into tests/observe/program.c with GDB, and holds what it finds against what the program says:
probes that were hit against its calls and gw_stats, gw-print and gw-stats against a cursor and
gw_stats, in the process and out of a core. Then damages the page table. Run by look.sh."""
import collections
import os
import re

import gdb

DIRECTORY = os.environ['OBSERVE_DIRECTORY']
ATTRS = {'r': 1, 'w': 2, 'x': 4, 'u': 8, 'g': 16, 'a': 32, 'd': 64}
WORDS = {'uncached': 1 << 7, 'soft1': 1 << 17}
UNITS = 'BKMGTPE'
wrong = []


def check(what, found, expected):
    if found != expected:
        wrong.append(what)
        print(f'WRONG: {what}: found {found}, expected {expected}')


def run(command):
    try:
        return gdb.execute(command, to_string=True)
    except gdb.error as error:
        return f'{error}\n'


# ---- Probes ----

hits = collections.Counter()


class Probe(gdb.Breakpoint):
    """Counts, and goes on."""

    def __init__(self, name, arguments):
        super().__init__(f'-probe-stap gracewalk:{name}', internal=True)
        self.name, self.arguments = name, arguments

    def stop(self):
        words = [int(gdb.parse_and_eval(f'$_probe_arg{i}')) for i in range(self.arguments)]
        hits[self.name] += 1
        if self.name == 'map' and hits['map'] == 1:
            check('arguments of map', words[1:], [0x40000000, 0x40201000, 0x80000000, 3])
        if self.name in ('map_done', 'unmap_done') and words[1] < 0:
            hits['failed'] += 1
        if self.name == 'heap_alloc' and words[1]:
            hits['allocs'] += 1
        if self.name == 'heap_release':
            hits['released'] += words[2]
        if self.name == 'leaves_release':
            hits['runs'] += words[2]
        if self.name == 'grace_end' and words[2] == 1:
            hits['callbacks'] += 1
        return False


def check_probes(calls, stats):
    for name in 'map', 'map_many', 'unmap', 'failed', 'runs':
        check(f'hits: {name}', hits[name], calls[name])
    check('hits: map_done', hits['map_done'], calls['map'] + calls['map_many'])
    check('hits: unmap_done', hits['unmap_done'], calls['unmap'])
    check('tables given out', hits['allocs'], stats['allocs'])
    check('tables freed', hits['heap_free'], stats['frees'])
    check('tables deferred', hits['heap_defer'], stats['defers'])
    check('tables released', hits['released'], stats['defers'] - stats['waiting'])
    check('deferred calls', hits['callbacks'], stats['callbacks'])
    check('deferred calls, of any kind', hits['grace_end'], hits['grace_begin'])
    check('waits', hits['wait_end'], hits['wait_begin'])
    # No deposits, and nothing was moved.
    check('tables begun', hits['table_init'], stats['allocs'])
    check('probes that were never hit', [p.name for p in probes if not hits[p.name]], [])


# ---- Commands ----

def said():
    """What the program printed: calls, leaves, figures."""
    calls, leaves, stats = {}, [], {}
    for line in open(f'{DIRECTORY}/said'):
        kind, *words = line.split()
        if kind == 'leaf':
            leaves.append(tuple(int(word, 16) for word in words))
        else:
            found = calls if kind == 'calls' else stats
            found.update(zip(words[::2], map(int, words[1::2])))
    return calls, leaves, stats


def printed_leaves(text):
    """The leaves of gw-print, one by one."""
    for m in re.finditer(r'^0x(\w+)-0x(\w+) +\w+ +(\d+) x (\d+)(\w) +level \d  (\S+)([\w ]*)  -> '
                         r'0x(\w+)$', text, re.M):
        first, last, out = int(m[1], 16), int(m[2], 16), int(m[8], 16)
        size = int(m[4]) << 10 * UNITS.index(m[5])
        attr = sum(ATTRS[letter] for letter in m[6] if letter != '-')
        attr += sum(WORDS[word] for word in m[7].split())
        check('the last of a run', last - first + 1, int(m[3]) * size)
        for i in range(int(m[3])):
            yield first + i * size, size, out + i * size, attr


def check_commands(leaves, stats):
    text = run('gw-print pt')
    check('leaves', list(printed_leaves(text)), leaves)
    check('format', text.split()[1], 'x86-64,')
    tables = sum(int(n) for n in re.findall(r'^ +\d +(\d+) +\d+  \d+\w$', text, re.M))
    check('tables', tables, stats['used'])
    part = run('gw-print pt 0x7f0000001000 0x3000')
    check('a part', list(printed_leaves(part)),
          [leaf for leaf in leaves if 0x7f0000001000 <= leaf[0] < 0x7f0000004000])
    found = dict(re.findall(r'^ *(\w+) +(\d+)$', run('gw-stats pt'), re.M))
    check('figures', {name: int(value) for name, value in found.items()}, stats)
    return text


def check_damage():
    """What is told of each fault; the page table does not survive this."""
    root, heap = '((struct page_table *)pt)->pt.root', '((struct page_table *)pt)->heap[0]'
    for entry, told in (('0x1027', 'outside the image'),
                        (f'(unsigned long){root} + 0x27', 'on the way to itself'),
                        (f'(unsigned long){heap}->base + 0x27 + (1 << {heap}->block_lg2)',
                         'outside the image')):
        run(f'set var *(unsigned long *)&{root}[0x80] = {entry}') # where nothing is mapped
        check(told, told in run('gw-print pt'), True)
    # A block further on, so that the one between is within the image.
    run(f'set var {heap}->fresh = 3')
    run(f'set var {heap}->held_first = 5')
    check('a table that is not held', 'shown as empty' in run('gw-print pt'), True)
    for command, told in ((f'set var {heap}->base = 0x10000', ''),
                          ('gw-print pt', 'cannot be read'),
                          (f'set var {heap}->fresh = 1 << 31', ''),
                          ('gw-print pt', 'damaged'),
                          ('gw-print -f nonsense pt', 'damaged'),
                          ('gw-print 0x10', 'no page table'),
                          ('gw-stats 0x10', 'no page table'),
                          ('gw-print', 'gw-print [-f FORMAT]')):
        check(f'{command}: {told}', told in run(command), True)


gdb.execute('set pagination off')
gdb.execute('set width 0')
gdb.execute(f'source {os.environ["OBSERVE_SCRIPT"]}')
gdb.execute(f'set gracewalk-command {os.environ["OBSERVE_COMMAND"]}')
gdb.Breakpoint('look_now')
probes = [Probe(name, int(arguments)) for name, arguments in
          (probe.split(':') for probe in os.environ['OBSERVE_PROBES'].split())]
gdb.execute(f'run >{DIRECTORY}/said')
calls, leaves, stats = said()
check('leaves that the program tells of', len(leaves), 13)
if probes:
    check_probes(calls, stats)
text = check_commands(leaves, stats)
run(f'generate-core-file {DIRECTORY}/core')
for probe in probes:
    probe.delete()
check_damage()
run('kill')
print(run(f'core-file {DIRECTORY}/core').split('\n')[0])
check('out of the core', check_commands(leaves, stats), text)
print(f'{sum(hits[probe.name] for probe in probes) if probes else "no"} hits of {len(probes)} probes, '
      f'{len(leaves)} leaves, {len(wrong)} wrong')
gdb.execute(f'quit {1 if wrong else 0}')
