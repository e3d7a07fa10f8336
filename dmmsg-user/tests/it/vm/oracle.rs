//! What lvm2, dmstats and cryptsetup send is what strace saw them send, and as much as bpftrace
//! counted.

use std::{collections::BTreeSet, fs, sync::OnceLock};

use super::{
    counter::Counter,
    guest::{Guest, run},
    row::Row,
    tracer::Tracer,
};

/// The life of some volumes; it ends without any.
const LIFE: &str = r#"
set -e
vgcreate vg /dev/ram4 /dev/ram5 /dev/ram6 /dev/ram7
lvcreate --type thin-pool --size 64m --name pool vg
lvcreate --thin --virtualsize 128m --name data vg/pool
lvcreate --snapshot --name backup vg/data
lvremove --yes vg/backup
lvcreate --type raid1 --mirrors 1 --size 8m --nosync --yes --name pair vg
lvchange --syncaction check vg/pair
lvcreate --size 16m --name slow vg
lvcreate --size 8m --name fast vg
lvchange --activate n vg/fast
lvconvert --yes --type writecache --cachevol fast vg/slow
dd if=/dev/zero of=/dev/mapper/vg-slow bs=64k count=4
lvconvert --yes --splitcache vg/slow
dmstats create vg-data
dmstats list vg-data
dmstats print --allregions --clear vg-data
dmstats report vg-data
dmstats delete --allregions vg-data
vgremove --force --yes vg
pvremove /dev/ram4 /dev/ram5 /dev/ram6 /dev/ram7
echo "correct horse battery staple" >/tmp/passphrase
alias cryptsetup="cryptsetup --key-file /tmp/passphrase"
cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 /dev/ram8
cryptsetup open /dev/ram8 vault
cryptsetup luksSuspend vault
cryptsetup luksResume vault
cryptsetup luksSuspend vault
cryptsetup luksResume --disable-keyring vault
! dmsetup message vault 0 bogus
! dmsetup message nobody 7 hello
cryptsetup close vault
"#;

const SCRIPT: &str = "/tmp/life.sh";
const LOG: &str = "/tmp/strace.txt";

/// What the three saw of one life.
struct Witnesses {
    rows: Vec<Row>,
    totals: String,
    sent: Vec<Sent>,
    counted: u64,
}

impl Witnesses {
    /// Lets the volumes live, once for all tests.
    fn get() -> &'static Self {
        static WITNESSES: OnceLock<Witnesses> = OnceLock::new();
        WITNESSES.get_or_init(Self::of_life)
    }

    fn of_life() -> Self {
        let bpftrace = Counter::start();
        let tracer = Tracer::start("-o json");
        let sent = live();
        let (ended, counted) = (tracer.stop(), bpftrace.end());
        Self { rows: ended.rows(), totals: ended.totals().to_owned(), sent, counted }
    }
}

/// Lets the volumes live; what was sent, as strace sees it.
pub fn live() -> Vec<Sent> {
    fs::write(SCRIPT, LIFE).expect("the script is written");
    // With abbreviations, strace would leave out the text. Seccomp spares it other system calls.
    let strace = "-f --seccomp-bpf -s 4096 -e abbrev=none -e trace=ioctl -o";
    run("strace", strace.split(' ').chain([LOG, "sh", SCRIPT]));
    let log = fs::read_to_string(LOG).expect("the log is read");
    log.lines().filter_map(Sent::read).collect()
}

/// A message as strace shows it.
#[derive(Debug)]
pub struct Sent {
    /// Number, name and uuid, as far as sender and kernel told them.
    device: [Option<String>; 3],
    sector: String,
    text: String,
    outcome: String,
}

impl Sent {
    /// Reads `ioctl(3, DM_TARGET_MSG, [{…}, {sector=0, message="TEXT"}] => [{…}]) = RESULT`, or
    /// nothing if the line is another call's.
    fn read(line: &str) -> Option<Self> {
        let (_, call) = line.split_once("DM_TARGET_MSG, ")?;
        let parse = || {
            let (header, message) = call.split_once(", {sector=")?;
            let (sector, message) = message.split_once(", message=\"")?;
            // What comes after the text is the kernel's answer, where there is one.
            let (text, answer) = message.split_once("\"}]")?;
            let (answer, outcome) = answer.rsplit_once(") = ")?;
            let outcome = outcome.strip_prefix("-1 ").unwrap_or(outcome);
            let fact = |find: fn(&str) -> Option<String>| find(answer).or_else(|| find(header));
            Some(Self {
                device: [fact(number), fact(name), fact(uuid)],
                sector: sector.to_owned(),
                text: text.to_owned(),
                outcome: outcome.split(' ').next()?.to_owned(),
            })
        };
        Some(parse().unwrap_or_else(|| panic!("cannot be read: {line}")))
    }

    /// Its whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What was returned: a number, or the name of an error.
    pub fn outcome(&self) -> &str {
        &self.outcome
    }

    /// Checks that a row tells the same.
    fn check(&self, row: &Row) {
        for (told, pointer) in self.device.iter().zip(["/dm/dev", "/dm/name", "/dm/uuid"]) {
            if let Some(told) = told {
                assert_eq!(row.cell(pointer), *told, "{self:?}");
            }
        }
        let outcome = if row.at("/errno").is_null() { "/ret" } else { "/errno" };
        let cells = ["/dm/sector", outcome].map(|pointer| row.cell(pointer));
        assert_eq!(cells, [&*self.sector, &*self.outcome], "{self:?}");
        assert_eq!(row.number("/msg/len"), self.text.len() as u64, "{self:?}");
        let shown = row.cell("/msg/text");
        if row.cell("/msg/redacted") == "true" {
            assert!(self.text.starts_with(&shown) && self.text != shown, "{self:?}: {shown}");
        } else {
            assert_eq!(shown, self.text);
        }
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(found, _)| found)
}

fn name(header: &str) -> Option<String> {
    between(header, ", name=\"", "\"").map(str::to_owned)
}

fn uuid(header: &str) -> Option<String> {
    between(header, ", uuid=\"", "\"").map(str::to_owned)
}

/// The device number `MAJ:MIN` of `dev=makedev(0xfe, 0x2)`.
fn number(header: &str) -> Option<String> {
    let (major, minor) = between(header, ", dev=makedev(", ")")?.split_once(", ")?;
    let decimal = |text: &str| {
        let number = u32::from_str_radix(text.trim_start_matches("0x"), 16);
        number.unwrap_or_else(|error| panic!("{error}: {text}"))
    };
    Some(format!("{}:{}", decimal(major), decimal(minor)))
}

#[test]
fn vm_messages_of_real_tools_are_those_that_strace_sees() {
    let Some(_guest) = Guest::enter() else { return };
    let witnesses = Witnesses::get();
    for (sent, row) in witnesses.sent.iter().zip(&witnesses.rows) {
        sent.check(row);
    }
    assert_eq!(witnesses.rows.len(), witnesses.sent.len());
    assert!(witnesses.sent.len() >= 20, "{:?}", witnesses.sent);
    let seen: BTreeSet<_> = witnesses.rows.iter().map(|row| row.cell("/msg/tag")).collect();
    for verb in [
        "create_thin",
        "create_snap",
        "delete",
        "set_transaction_id",
        "check",
        "@stats_create",
        "@stats_print_clear",
        "@stats_delete",
        "key set",
        "key wipe",
        "cleaner",
        "hello",
    ] {
        assert!(seen.contains(verb), "{verb} is not among {seen:?}");
    }
}

#[test]
fn vm_messages_of_real_tools_are_as_many_as_bpftrace_counts() {
    let Some(_guest) = Guest::enter() else { return };
    let witnesses = Witnesses::get();
    assert_eq!(witnesses.rows.len() as u64, witnesses.counted);
    let count = witnesses.counted;
    let totals = format!("seen {count} = delivered {count} + lost 0 + filtered 0");
    assert_eq!(witnesses.totals, totals);
}
