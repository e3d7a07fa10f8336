#!/bin/sh
# The tour of `cargo xtask demo`: real tools send real messages while dmmsg-trace watches.
#
# A line that begins with ── says what happens; the rows after it are the messages that caused. A
# tool's own output appears only if the tool fails, and then the tour ends. To try the tour alone:
# cargo xtask vm --file xtask/guest/demo.sh:/root/demo.sh -- sh demo.sh --untraced

say() {
	# A moment for the rows of the step before.
	sleep 0.4
	echo "── $*"
}

die() {
	echo "demo: $*"
	cat /tmp/output
	[ -z "$tracer" ] || kill "$tracer" 2>/dev/null
	exit 1
}

# Runs a command that must succeed.
run() { "$@" >/tmp/output 2>&1 || die "failed: $*"; }

# Runs a command that the kernel must refuse.
refused() { ! "$@" >/tmp/output 2>&1 || die "should have been refused: $*"; }

# Starts the tracer and waits until its programs are attached: their links show among its files.
watch() {
	dmmsg-trace &
	tracer=$!
	before=0 links=-1
	until [ "$links" -gt 0 ] && [ "$links" = "$before" ]; do
		kill -0 "$tracer" 2>/dev/null || die "dmmsg-trace did not start"
		before=$links
		sleep 0.5
		links=$(cat /proc/$tracer/fdinfo/* 2>/dev/null | grep -c '^link_id')
	done
}

# SIGINT is what Ctrl-C sends: the tracer prints its totals and ends well.
finish() {
	sleep 0.4
	[ -z "$tracer" ] || { kill -INT "$tracer" && wait "$tracer" || die "dmmsg-trace ended with $?"; }
}

thin_by_hand() {
	say "dmsetup: a thin pool by hand, a volume, a snapshot of it"
	run dmsetup create pool --table "0 65536 thin-pool /dev/ram0 /dev/ram1 128 0"
	run dmsetup message pool 0 create_thin 0
	run dmsetup create thin --table "0 65536 thin /dev/mapper/pool 0"
	run dmsetup suspend thin
	run dmsetup message pool 0 create_snap 1 0
	run dmsetup resume thin

	say "dmsetup: delete the snapshot, move the transaction on"
	run dmsetup message pool 0 delete 1
	run dmsetup message pool 0 set_transaction_id 0 1

	say "dmsetup: what goes wrong, and how (a typo; a volume that is not there; past the end)"
	refused dmsetup message pool 0 creat_thin 7
	refused dmsetup message pool 0 delete 99
	refused dmsetup message pool 999999 delete 1
	run dmsetup remove thin
	run dmsetup remove pool
}

targets_by_hand() {
	say "dmsetup: a switch of two segments; sector 70000 is the second one's, so index 1"
	printf '%s\n' "0 65536 switch 2 128 0 /dev/ram2 0 /dev/ram3 0" \
		"65536 65536 switch 2 128 0 /dev/ram2 0 /dev/ram3 0" >/tmp/table
	run dmsetup create paths /tmp/table
	run dmsetup message paths 70000 set_region_mappings 0:1
	run dmsetup remove paths

	say "dmsetup: a multipath device loses its path and gets it back"
	run dmsetup create mpath --table "0 131072 multipath 2 queue_mode bio 0 1 1 round-robin 0 1 0 /dev/ram2"
	run dmsetup message mpath 0 fail_path /dev/ram2
	run dmsetup message mpath 0 reinstate_path /dev/ram2
	run dmsetup remove mpath

	say "dmsetup: a linear device takes no messages"
	run dmsetup create plain --table "0 65536 linear /dev/ram2 0"
	refused dmsetup message plain 0 hello
	run dmsetup remove plain
}

volumes() {
	say "lvm2: a volume group of four ram disks (no messages: lvm2 writes labels)"
	run pvcreate /dev/ram4 /dev/ram5 /dev/ram6 /dev/ram7
	run vgcreate vg /dev/ram4 /dev/ram5 /dev/ram6 /dev/ram7

	say "lvm2: a thin pool with two volumes"
	run lvcreate --type thin-pool --size 64m --name pool vg
	run lvcreate --thin --virtualsize 128m --name data vg/pool
	run lvcreate --thin --virtualsize 128m --name logs vg/pool

	say "lvm2: a snapshot, then its removal"
	run lvcreate --snapshot --name backup vg/data
	run lvremove --yes vg/backup

	say "lvm2: a mirrored volume, checked"
	run lvcreate --type raid1 --mirrors 1 --size 8m --nosync --yes --name pair vg
	run lvchange --syncaction check vg/pair
	run vgremove --force --yes vg
}

keys() {
	echo "correct horse battery staple" >/tmp/passphrase
	say "cryptsetup: format and open a LUKS volume (no messages: the table brings the key)"
	run cryptsetup luksFormat --batch-mode --pbkdf pbkdf2 --pbkdf-force-iterations 1000 /dev/ram8 /tmp/passphrase
	run cryptsetup open --key-file /tmp/passphrase /dev/ram8 secret

	say "cryptsetup: luksSuspend wipes the key, luksResume sets it, by its name in the keyring"
	run cryptsetup luksSuspend secret
	run cryptsetup luksResume --key-file /tmp/passphrase secret

	say "cryptsetup: the same without a keyring: now the key itself is in the message"
	run cryptsetup luksSuspend secret
	run cryptsetup luksResume --disable-keyring --key-file /tmp/passphrase secret
	run cryptsetup close secret
}

statistics() {
	say "dmstats: count the I/O of a device"
	run dmsetup create busy --table "0 65536 linear /dev/ram9 0"
	run dmstats create busy
	run dmstats list busy
	run dmstats report busy
	run dmstats delete --allregions busy
	run dmsetup remove busy
}

run modprobe dm_mod
[ "$1" = "--untraced" ] || watch
thin_by_hand
targets_by_hand
volumes
keys
statistics
finish
