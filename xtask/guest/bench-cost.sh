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

# Waits until the tracer has said a word.
await() {
	until grep -qs "$1" /tmp/tracer; do
		kill -0 "$tracer" 2>/dev/null || die "$2 did not start"
		sleep 0.1
	done
	sleep 0.2
}

start() {
	# Else the last tracer's word could be taken for this one's.
	rm -f /tmp/tracer
	dmmsg-trace "$@" >/dev/null 2>/tmp/tracer &
	tracer=$!
	await tracing dmmsg-trace
}

stop() {
	kill -INT "$tracer"
	wait "$tracer" || die "$1 ended with $?"
}

finish() {
	stop dmmsg-trace
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

# The exporter, which nobody scrapes meanwhile.
exported() {
	echo "arm $1"
	dmmsg-exporter --probe fentry >/dev/null 2>/tmp/tracer &
	tracer=$!
	await serving dmmsg-exporter
	flood
	stop dmmsg-exporter
}

# A histogram by bpftrace, of all messages together.
bpftraced() {
	echo "arm $1"
	bpftrace -e 'kprobe:target_message { @start[tid] = nsecs; }
		kretprobe:target_message /@start[tid]/ {
			@ns = hist(nsecs - @start[tid]);
			delete(@start[tid]);
		}' >/tmp/tracer 2>&1 &
	tracer=$!
	await Attach bpftrace
	# It says so before it has attached.
	sleep 3
	flood
	stop bpftrace
	grep -q "@ns" /tmp/tracer || die "bpftrace has counted nothing"
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
live "fentry, histogram" --probe fentry -o hist
live "kprobe, histogram" --probe kprobe -o hist
exported "fentry, exporter"
bpftraced "bpftrace, histogram"
untraced "untraced again"
