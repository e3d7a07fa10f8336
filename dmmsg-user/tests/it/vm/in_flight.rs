//! Messages that hang are told of while they do.

use std::{
    thread::{self, ScopedJoinHandle},
    time::Duration,
};

use super::{
    guest::{Device, Guest, WHOLE_TEXTS, attempt, exact_rungs, kernel, run},
    row::Row,
    tracer::Tracer,
};

/// A thin pool whose messages hang while its metadata is suspended.
pub struct Pool {
    pool: Device,
    /// Goes after the pool.
    _metadata: Device,
}

impl Pool {
    /// Makes one.
    pub fn new() -> Self {
        run("dd", ["if=/dev/zero", "of=/dev/ram0", "bs=4096", "count=1"]);
        let metadata = Device::new("metadata", "0 65536 linear /dev/ram0 0");
        let pool = Device::new("pool", "0 65536 thin-pool /dev/mapper/metadata /dev/ram1 128 0");
        Self { pool, _metadata: metadata }
    }

    /// Sends so many messages at once, does something while they hang, lets them go and waits for their
    /// senders, threads that then are gone; gives the messages' errnos.
    pub fn while_many_hang(&self, count: usize, act: impl FnOnce()) -> Vec<i32> {
        thread::scope(|scope| {
            let suspended = Suspended::new("metadata");
            let send = |id| self.pool.send(0, format!("create_thin {id}").as_bytes());
            let senders = (0..count).map(|id| scope.spawn(move || send(id))).collect::<Vec<_>>();
            act();
            drop(suspended);
            senders.into_iter().map(|sender| sender.join().expect("a message returns")).collect()
        })
    }

    /// Does something while a message hangs, which is then let go; gives the message's errno.
    pub fn while_hanging(&self, text: &str, act: impl FnOnce()) -> i32 {
        thread::scope(|scope| {
            let suspended = Suspended::new("metadata");
            let sender = scope.spawn(|| self.pool.send(0, text.as_bytes()));
            act();
            suspended.check(&sender);
            drop(suspended);
            sender.join().expect("the message returns")
        })
    }
}

/// A device that no I/O passes, until this is dropped, whatever happens.
struct Suspended(&'static str);

impl Suspended {
    fn new(name: &'static str) -> Self {
        run("dmsetup", ["suspend", name]);
        Self(name)
    }

    #[expect(clippy::unused_self, reason = "the sender hangs as long as it is there")]
    fn check(&self, sender: &ScopedJoinHandle<'_, i32>) {
        assert!(!sender.is_finished(), "the message hangs");
    }
}

impl Drop for Suspended {
    fn drop(&mut self) {
        attempt("dmsetup", ["resume", self.0]);
    }
}

/// Device, message and outcome; the outcome is not known of what hangs.
fn cells(row: &Row) -> String {
    row.cells(&["/type", "/dm/name", "/dm/target_type", "/msg/text", "/ret"])
}

#[test]
fn vm_messages_that_hang_are_told_of_and_shown_when_they_return() {
    let Some(_guest) = Guest::enter() else { return };
    let pool = Pool::new();
    let mut json = Tracer::start_on_each_rung("-o json --stuck 500ms");
    let mut table = Tracer::start("--stuck 500ms");
    table.wait_for_line();
    let others = ["-d other", "-d oth*", "-t crypt", "-u 77"];
    let others =
        Tracer::start_lines(others.map(|filter| format!("-o json --stuck 100ms {filter}")));
    let answer = pool.while_hanging("create_thin 0", || {
        for tracer in &mut json {
            tracer.wait_for_line();
        }
        let line = table.wait_for_line().text.clone();
        assert!(line.contains(" ? ") && line.ends_with(" create_thin 0"), "{line}");
        let line = &table.wait_for_line().text;
        assert!(line.starts_with("  waits in ") && line.contains(" < pool_message < "), "{line}");
        // Told of once, however long it takes.
        thread::sleep(Duration::from_millis(1_500));
    });
    assert_eq!(answer, 0);

    for run in Tracer::stop_all(json) {
        let rows = run.stdout.iter().map(|line| Row::from_json(line)).collect::<Vec<_>>();
        let [stuck, returned, _stats] = &*rows else { panic!("{run:#?}") };
        assert_eq!(cells(stuck), "in_flight pool thin-pool create_thin 0 -");
        assert_eq!(cells(returned), "message pool thin-pool create_thin 0 0");
        assert_eq!(stuck.cell("/time"), returned.cell("/time"));
        assert_eq!(stuck.cell("/process"), returned.cell("/process"));
        let (age, total) =
            (stuck.number("/latency_ns/total"), returned.number("/latency_ns/total"));
        assert!((500_000_000..total).contains(&age), "{age} {total}");
        assert!(total > 2_000_000_000, "{total}");
        let functions = stuck.at("/stack").as_array().expect("a stack");
        // Where a kretprobe sits, an old kernel cannot look further.
        let wanted = if kernel() < WHOLE_TEXTS {
            &["pool_message"][..]
        } else {
            &["pool_message", "ctl_ioctl"]
        };
        for function in wanted {
            assert!(functions.iter().any(|name| name == function), "{functions:?}");
        }
        assert_eq!(run.totals(), "seen 1 = delivered 1 + lost 0 + filtered 0");
    }
    assert_eq!(table.stop().stdout.len(), 4);
    for run in Tracer::stop_all(others) {
        assert_eq!(run.stdout.len(), 1, "{run:?}");
        assert_eq!(run.totals(), "seen 1 = delivered 0 + lost 0 + filtered 1");
    }
}

#[test]
fn vm_a_run_that_ends_first_shows_what_hangs() {
    let Some(_guest) = Guest::enter() else { return };
    let pool = Pool::new();
    let json = Tracer::start_on_each_rung("-o json");
    let table = Tracer::start("");
    let other = Tracer::start("-o json -d other");
    pool.while_hanging("create_thin 0", || {
        // Long enough to be there, too short to be told of.
        thread::sleep(Duration::from_millis(700));
        for run in Tracer::stop_all(json) {
            let rows = run.stdout.iter().map(|line| Row::from_json(line)).collect::<Vec<_>>();
            let [stuck, stats] = &*rows else { panic!("{run:#?}") };
            assert_eq!(cells(stuck), "in_flight pool thin-pool create_thin 0 -");
            assert_eq!(stats.number("/in_flight"), 1);
            assert_eq!(run.code, Some(0));
            let totals = "seen 1 = delivered 0 + lost 0 + filtered 0 + in flight 1";
            assert_eq!(run.totals(), totals);
        }
        let run = table.stop();
        let [_header, row, stack] = &*run.stdout else { panic!("{run:#?}") };
        assert!(row.contains(" ? ") && stack.starts_with("  waits in "), "{run:#?}");
        let run = other.stop();
        assert_eq!(run.totals(), "seen 1 = delivered 0 + lost 0 + filtered 1");
    });
    // Nothing is left of the probes that the message passed.
    let tracers = Tracer::start_on_each_rung("-o json");
    assert_eq!(pool.pool.send(0, b"create_thin 1"), 0);
    for run in Tracer::stop_all(tracers) {
        assert_eq!(run.briefs(), ["thin-pool 0 create_thin 13 0 create_thin 1"]);
    }
}

/// More than the kernel keeps returns of for one kretprobe on a machine of two CPUs: 10 or fewer.
///
/// Source: `kernel/kprobes.c`, `register_kretprobe`.
const MANY: usize = 12;

#[test]
fn vm_many_messages_that_hang_are_all_accounted_for() {
    let Some(_guest) = Guest::enter() else { return };
    let pool = Pool::new();
    let mut tracers = Tracer::start_on(exact_rungs(), "-o json --stuck 100ms");
    thread::scope(|scope| {
        let suspended = Suspended::new("metadata");
        let pool = &pool.pool;
        let send = |id| {
            assert_eq!(pool.send(0, format!("create_thin {id}").as_bytes()), 0);
            // Half of the senders go, the others send once more.
            if id % 2 == 0 {
                assert_eq!(pool.send(0, format!("delete {id}").as_bytes()), 0);
            }
        };
        let senders = (0..MANY).map(|id| scope.spawn(move || send(id))).collect::<Vec<_>>();
        for tracer in &mut tracers {
            for _ in 0..MANY {
                tracer.wait_for_line();
            }
        }
        drop(suspended);
        // The scope's own end waits for what the threads do, not for the threads.
        for sender in senders {
            sender.join().unwrap();
        }
    });
    for (run, rung) in Tracer::stop_all(tracers).zip(exact_rungs()) {
        let stats = run.of_type("stats");
        let number = |pointer| stats[0].number(pointer);
        let (delivered, lost) = (number("/delivered"), number("/lost"));
        assert_eq!((number("/seen"), delivered + lost), (18, 18), "{rung}");
        assert_eq!(number("/in_flight"), 0, "{rung}");
        assert_eq!(lost > 0, *rung == "kprobe", "{rung}");
    }
}
