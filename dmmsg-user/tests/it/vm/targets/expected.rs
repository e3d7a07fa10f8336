//! The targets, their verbs and what becomes of them, as the kernels' source has them.
//!
//! Source: the `.message` functions of drivers/md of 6.1, 6.12 and 7.2. Left out are targets that
//! Debian does not build (dust, ebs, pcache) and zoned, whose disk a tool must have formatted. The
//! outcomes of 5.10 were seen in a boot of 5.10.262, without dmmsg.

use super::{Outcome, Step};

/// A type of target, on a device of one segment.
pub struct Target {
    pub kind: &'static str,
    /// The first kernel that has it, as Debian builds it.
    pub since: (u32, u32),
    /// Lines for the shell, before the device is made.
    pub before: &'static str,
    pub table: &'static str,
    pub steps: &'static [Step],
}

const ALWAYS: (u32, u32) = (0, 0);

/// A message that succeeds.
const fn ok(text: &'static str) -> Step {
    Step::Message(text, Outcome::Always("0"))
}

/// A message that fails.
const fn fails(text: &'static str, errno: &'static str) -> Step {
    Step::Message(text, Outcome::Always(errno))
}

/// A message that newer kernels answer otherwise.
const fn changes(
    text: &'static str,
    version: (u32, u32),
    before: &'static str,
    after: &'static str,
) -> Step {
    Step::Message(text, Outcome::Since(version, before, after))
}

/// A key that no test takes for a secret.
macro_rules! key {
    () => {
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\
         0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    };
}

/// Makes an empty metadata device of a ram disk.
const WIPE: &str = "dd if=/dev/zero of=/dev/ram3 bs=64k count=16 2>/dev/null";

pub const TARGETS: &[Target] = &[
    Target {
        kind: "cache",
        since: ALWAYS,
        before: WIPE,
        table: "0 65536 cache /dev/ram3 /dev/ram4 /dev/ram5 128 1 writethrough smq 0",
        steps: &[
            ok("migration_threshold 4096"),
            fails("invalidate_cblocks 0", "EPERM"),
            fails("random_threshold 4", "EINVAL"),
            fails("bogus 1", "EINVAL"),
            fails("bogus", "EINVAL"),
        ],
    },
    Target {
        kind: "cache",
        since: ALWAYS,
        before: WIPE,
        table: "0 65536 cache /dev/ram3 /dev/ram4 /dev/ram5 128 1 passthrough mq 0",
        steps: &[
            ok("invalidate_cblocks 0-10 20"),
            ok("random_threshold 4"),
            ok("sequential_threshold 512"),
            ok("discard_promote_adjustment 1"),
            ok("read_promote_adjustment 4"),
            ok("write_promote_adjustment 8"),
        ],
    },
    Target {
        kind: "clone",
        since: (7, 2),
        before: WIPE,
        table: "0 65536 clone /dev/ram3 /dev/ram4 /dev/ram5 8 1 no_hydration",
        steps: &[
            ok("hydration_threshold 2"),
            ok("hydration_batch_size 2"),
            ok("enable_hydration"),
            ok("disable_hydration"),
            fails("bogus", "EINVAL"),
        ],
    },
    Target {
        kind: "crypt",
        since: ALWAYS,
        before: "",
        table: concat!("0 65536 crypt aes-xts-plain64 ", key!(), " 0 /dev/ram2 0"),
        steps: &[
            fails("key wipe", "EINVAL"),
            Step::Run("dmsetup suspend subject"),
            ok("key wipe"),
            fails("key set 00", "EINVAL"),
            ok(concat!("key set ", key!())),
            fails("bogus", "EINVAL"),
            Step::Run("dmsetup resume subject"),
        ],
    },
    Target {
        kind: "era",
        since: ALWAYS,
        before: WIPE,
        table: "0 65536 era /dev/ram3 /dev/ram7 128",
        steps: &[
            ok("checkpoint"),
            ok("take_metadata_snap"),
            fails("take_metadata_snap", "EINVAL"),
            ok("drop_metadata_snap"),
            fails("bogus", "EINVAL"),
        ],
    },
    Target {
        kind: "log-writes",
        since: ALWAYS,
        before: "",
        table: "0 65536 log-writes /dev/ram10 /dev/ram11",
        steps: &[ok("mark hello"), fails("mark", "EINVAL"), fails("bogus 1", "EINVAL")],
    },
    Target {
        kind: "multipath",
        since: ALWAYS,
        before: "",
        table: "0 131072 multipath 2 queue_mode bio 0 1 1 round-robin 0 1 0 /dev/ram10",
        steps: &[
            ok("fail_path 1:10"),
            ok("reinstate_path /dev/ram10"),
            ok("disable_group 1"),
            ok("enable_group 1"),
            ok("switch_group 1"),
            fails("switch_group 2", "EINVAL"),
            ok("queue_if_no_path"),
            ok("fail_if_no_path"),
            fails("bogus 1", "EINVAL"),
        ],
    },
    Target {
        kind: "raid",
        since: ALWAYS,
        before: "for disk in 8 14; do dd if=/dev/zero of=/dev/ram$disk bs=4k count=16; done",
        table: "0 16384 raid raid1 4 0 region_size 1024 nosync 2 \
                /dev/ram8 /dev/ram9 /dev/ram14 /dev/ram15",
        steps: &[
            Step::Await("idle"),
            ok("check"),
            Step::Await("idle"),
            ok("repair"),
            Step::Await("idle"),
            ok("resync"),
            Step::Await("idle"),
            ok("recover"),
            Step::Await("idle"),
            // They act before they fail.
            changes("frozen", (6, 12), "0", "EINVAL"),
            changes("idle", (6, 12), "0", "EINVAL"),
            Step::Await("idle"),
            fails("bogus", "EINVAL"),
        ],
    },
    Target {
        kind: "switch",
        since: ALWAYS,
        before: "",
        table: "0 65536 switch 2 128 0 /dev/ram10 0 /dev/ram11 0",
        steps: &[
            ok("set_region_mappings 0:1 :0 R2,8"),
            fails("set_region_mappings 0:2", "EINVAL"),
            fails("bogus", "EINVAL"),
        ],
    },
    Target {
        kind: "thin-pool",
        since: ALWAYS,
        before: WIPE,
        table: "0 65536 thin-pool /dev/ram3 /dev/ram1 128 0",
        steps: &[
            ok("create_thin 0"),
            ok("create_snap 1 0"),
            ok("set_transaction_id 0 1"),
            ok("reserve_metadata_snap"),
            ok("release_metadata_snap"),
            ok("delete 1"),
            fails("delete 1", "ENODATA"),
            fails("bogus", "EINVAL"),
        ],
    },
    Target {
        kind: "vdo",
        // 6.12 has it too, but formats no disk by itself.
        since: (7, 2),
        before: "truncate -s 8G /tmp/disk; modprobe loop; losetup /dev/loop0 /tmp/disk",
        // 2 GiB of volume on the smallest index; a sparse file of 8 GiB stays at 1 MiB.
        table: "0 4194304 vdo V4 /dev/loop0 2097152 4096 32768 16380 maxDiscard 1 ack 1 bio 4 \
                bioRotationInterval 64 cpu 2 hash 0 logical 0 physical 0",
        steps: &[
            ok("config"),
            ok("stats"),
            ok("compression off"),
            ok("compression on"),
            fails("compression x", "EINVAL"),
            ok("index-disable"),
            ok("index-enable"),
            ok("index-close"),
            ok("index-create"),
            ok("dump viopool"),
            ok("dump-on-shutdown"),
            fails("bogus", "EINVAL"),
            // Detached once the volume is gone.
            Step::Run("losetup -d /dev/loop0; rm /tmp/disk"),
        ],
    },
    Target {
        kind: "writecache",
        since: ALWAYS,
        before: WIPE,
        table: "0 32768 writecache s /dev/ram12 /dev/ram3 4096 0",
        steps: &[
            ok("flush"),
            ok("flush_on_suspend"),
            changes("clear_stats", (5, 16), "EINVAL", "0"),
            ok("cleaner"),
            fails("bogus", "EINVAL"),
        ],
    },
];

/// What device-mapper itself takes, whatever the target.
pub const CORE: &[Step] = &[
    ok("@stats_create - /1 dmmsg aux"),
    ok("@stats_list"),
    ok("@stats_print 0"),
    ok("@stats_set_aux 0 other"),
    ok("@stats_clear 0"),
    ok("@stats_print_clear 0"),
    ok("@stats_delete 0"),
    fails("@stats_delete 0", "ENOENT"),
    ok("@cancel_deferred_remove"),
    fails("@bogus", "EINVAL"),
];

/// Targets that take no message, by the tables of devices.
pub const DEAF: &[(&str, &str)] = &[
    ("delay", "0 65536 delay /dev/ram10 0 10"),
    ("error", "0 65536 error"),
    ("flakey", "0 65536 flakey /dev/ram10 0 10 0"),
    ("integrity", "0 8 integrity /dev/ram10 0 - J 1 internal_hash:crc32c"),
    ("linear", "0 65536 linear /dev/ram10 0"),
    ("mirror", "0 32768 mirror core 1 1024 2 /dev/ram10 0 /dev/ram11 0"),
    ("snapshot", "0 32768 snapshot /dev/ram10 /dev/ram11 N 8"),
    ("snapshot-origin", "0 65536 snapshot-origin /dev/ram10"),
    ("striped", "0 65536 striped 2 128 /dev/ram10 0 /dev/ram11 0"),
    ("zero", "0 65536 zero"),
];
