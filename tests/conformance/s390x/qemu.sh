# SPDX-License-Identifier: MIT OR GPL-2.0-only
# shellcheck shell=sh disable=SC2034,SC2100 # read by run.sh
qemu=qemu-system-s390x
# Shared memory: as for x86-64.
machine="-M s390-ccw-virtio,memory-backend=ram
	-object memory-backend-ram,id=ram,size=4G,share=on
	-cpu max -m 4G -action panic=exit-failure"
word="addr=0xf000000,data-be=on" # as in arch.c
well=0                           # the status of a run that ends with 0
still="PSW=mask 06"              # of monitor.py: the program waits, translation on
