# SPDX-License-Identifier: MIT OR GPL-2.0-only
# shellcheck shell=sh disable=SC2034 # read by run.sh
qemu=qemu-system-ppc64
# Software emulation has none of the capabilities that are off here. Shared memory: as for x86-64.
machine="-M pseries,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off
	-M memory-backend=ram -object memory-backend-ram,id=ram,size=2G,share=on
	-cpu POWER9 -m 2G -action panic=exit-failure"
boot=-bios                       # link.ld says why
word="data-be=on,addr=0xf000000" # as in arch.c
well=0                           # power-off; os-term makes it 1
