# SPDX-License-Identifier: MIT OR GPL-2.0-only
# shellcheck shell=sh disable=SC2034 # read by run.sh
qemu="qemu-system-riscv64"
# Shared memory: as for x86-64.
machine="-M virt,memory-backend=ram -object memory-backend-ram,id=ram,size=2G,share=on
	-cpu rv64,svpbmt=on,svnapot=on -m 2G -bios none"
word="addr=0x90000000" # as in arch.c and start.S
well=0                 # the status of a run that ends with 0
