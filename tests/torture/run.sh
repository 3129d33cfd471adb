#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Runs a program without address space randomization where that can be had: older ThreadSanitizers
# do not start on kernels with more random bits than they know (vm.mmap_rnd_bits over 28), before
# any code of the program runs.
if setarch "$(uname -m)" -R true 2>/dev/null; then
	exec setarch "$(uname -m)" -R "$@"
fi
exec "$@"
