#!/bin/sh
# What a message costs its sender, in arms: untraced, traced in several ways, untraced again.
#
# Usage: bench-cost COUNT ROUNDS. The console gets, for each arm, `arm NAME`, one line a round from
# flood (instructions per message, failed ones) and, if traced, the tracer's totals as `totals …`.
# To be run with a clock that counts instructions. How each arm is judged is up to xtask/src/bench.

count=$1 rounds=$2

die() {
	echo "bench: $*"
	cat /tmp/tracer
	exit 1
}

flood() { command flood sw 0 "set_region_mappings 0:0" "$count" "$rounds" || die "flood failed"; }

start() {
	# Else the last tracer's word could be taken for this one's.
	rm -f /tmp/tracer
	dmmsg-trace "$@" >/dev/null 2>/tmp/tracer &
	tracer=$!
	until grep -qs tracing /tmp/tracer; do
		kill -0 "$tracer" 2>/dev/null || die "dmmsg-trace did not start"
		sleep 0.1
	done
	sleep 0.2
}

finish() {
	kill -INT "$tracer"
	wait "$tracer" || die "dmmsg-trace ended with $?"
	echo "totals $(grep -o 'seen .*' /tmp/tracer)"
}

untraced() {
	echo "arm $1"
	flood
}

# The programs in the kernel alone: the reader is stopped, and the ring has room for every record.
unread() {
	echo "arm $1"
	shift
	start "$@"
	kill -STOP "$tracer"
	flood
	kill -CONT "$tracer"
	finish
}

# The reader too: it takes its turns on the only processor.
live() {
	echo "arm $1"
	shift
	start "$@"
	flood
	finish
}

modprobe dm_mod
dmsetup create sw --table "0 65536 switch 2 128 0 /dev/ram10 0 /dev/ram11 0" || die "no switch device"
# For its first seconds a kernel has work left from the boot.
sleep 3

untraced "untraced"
unread "fentry, full record" --probe fentry
unread "kprobe, full record" --probe kprobe
live "fentry, live table" --probe fentry
live "fentry, live json" --probe fentry -o json
untraced "untraced again"
