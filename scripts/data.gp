# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# The pictures of docs/data.md, for gnuplot: -e "out='DIRECTORY/'", run where data.py's files are.
set terminal svg size 860,420 font "sans-serif,13" background "white"
set border 3
set tics nomirror
set grid y lc rgb "#dddddd"
set key top left Left reverse samplen 2

pinning = "#c2410c"
reusing = "#1d4ed8"
in_use = "#6b7280"

set xlabel "seconds of the program's life"
set ylabel "KiB of last-level tables"
set yrange [0:*]
do for [trace in "adversarial-256 java-g1"] {
	set output out.trace.".svg"
	plot trace."-last-table-out.dat" with steps lw 2 lc rgb pinning title "held, last table out", \
	     trace."-three-states.dat" with steps lw 2 lc rgb reusing title "held, three states", \
	     trace."-in-use.dat" with steps lw 1 lc rgb in_use title "in use"
}

unset xlabel
set style data histograms
set terminal svg size 860,520
set style histogram clustered gap 1
set style fill solid border -1
set xtics rotate by -30
set ylabel "wasted, % of the mean held"
set yrange [0:100]
set output out."waste.svg"
set key autotitle columnhead outside bottom center horizontal maxrows 3
plot "waste.dat" using 2:xtic(1) lc rgb "#fdba74", "" using 3 lc rgb "#93c5fd", \
     "" using 4 lc rgb "#f97316", "" using 5 lc rgb "#3b82f6", \
     "" using 6 lc rgb "#9a3412", "" using 7 lc rgb "#1e3a8a"

set key noautotitle inside top right vertical
set style histogram rowstacked
set ylabel "processor ns a table"
set yrange [0:*]
do for [size in "4K/2 64K/256"] {
	set output out."cost-".(size eq "4K/2" ? "2" : "256").".svg"
	set title (size eq "4K/2" ? "2 tables in 4 KiB" : "256 tables in 64 KiB")
	plot "< grep ' ".size." ' bench.dat" using 3:xtic(1) lc rgb reusing title "updater", \
	     "" using 4 lc rgb pinning title "callbacks"
}
