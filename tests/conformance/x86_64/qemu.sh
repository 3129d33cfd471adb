# SPDX-License-Identifier: MIT OR GPL-2.0-only
# shellcheck shell=sh disable=SC2034,SC2100 # read by run.sh
# Shared memory: the host would back private memory with huge pages, and clear 2 MiB for each page
# that is touched.
qemu=qemu-system-x86_64
machine="-M microvm,memory-backend=ram -object memory-backend-ram,id=ram,size=2G,share=on
	-cpu max -m 2G -device isa-debug-exit,iobase=0xf4,iosize=4"
word="addr=0xf000000" # as in arch.c
well=33               # the status of a run that ends with 0
