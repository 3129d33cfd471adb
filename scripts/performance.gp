# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# The pictures of docs/performance.md, for gnuplot: -e "out='DIRECTORY/'", run where performance.py's
# files are: a file a picture, a block a curve, its name first.
set terminal svg size 860,420 font "sans-serif,13" background "white"
set border 3
set tics nomirror
set grid y lc rgb "#dddddd"
set key outside right top vertical Left reverse samplen 2 noenhanced
set yrange [0:*]
set for [i=1:9] linetype i lw 2 pt 7 ps 0.5 \
	lc rgb word("#6b7280 #1d4ed8 #c2410c #93c5fd #fdba74 #15803d #a21caf #ca8a04 #0f172a", i)

there(name) = system("test -s ".name.".dat && echo yes") eq "yes"

set xlabel "pages"
set logscale x 2
set format x "2^{%L}"
do for [name in "growth-independent growth-dependent growth-fill growth-memory"] {
	if (there(name)) {
		stats name.".dat" using 1 nooutput
		set output out.name.".svg"
		set ylabel (name eq "growth-memory" ? "bytes a page" : \
			    name eq "growth-fill" ? "ns a page mapped" : "ns a lookup")
		plot for [i=0:STATS_blocks-1] name.".dat" index i using 1:2 with linespoints \
			lt i+1 title columnheader(1)
	}
}

set format x "%g"
if (there("threads")) {
	set xlabel "threads"
	set ylabel "million pages a second, all threads together"
	stats "threads.dat" using 1 nooutput
	set output out."threads.svg"
	plot for [i=0:STATS_blocks-1] "threads.dat" index i using 1:2 with linespoints \
		lt i+1 title columnheader(1)
}

set xlabel "maps used in turn"
set logscale x 10
do for [name in "many-lookup many-update"] {
	if (there(name)) {
		stats name.".dat" using 1 nooutput
		set output out.name.".svg"
		set ylabel (name eq "many-lookup" ? "ns a lookup" : "ns a page unmapped and mapped")
		plot for [i=0:STATS_blocks-1] name.".dat" index i using 1:2 with linespoints \
			lt i+1 title columnheader(1)
	}
}

unset logscale x
if (there("churn")) {
	set xlabel "seconds"
	set ylabel "MiB held, by the kernel"
	stats "churn.dat" using 1 nooutput
	set output out."churn.svg"
	plot for [i=0:STATS_blocks-1] "churn.dat" index i using 1:2 with lines \
		lt i+1 title columnheader(1)
}
