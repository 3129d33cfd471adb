# SPDX-License-Identifier: MIT OR GPL-2.0-only
# shellcheck shell=sh disable=SC2034,SC2100 # read by run.sh
qemu=qemu-system-aarch64
# Shared memory: as for x86-64.
machine="-M virt,memory-backend=ram -object memory-backend-ram,id=ram,size=2G,share=on
	-cpu max -m 2G -semihosting-config enable=on,target=native"
word="addr=0x4f000000" # as in arch.c
boot=-device           # -kernel would start nothing where there is firmware, as in meson.build
boots=loader,cpu-num=0,file=
well=0                 # the status of a run that ends with 0
