//! Keys never leave the kernel: not in an output, nor in the ring, nor in the tracer's memory.

use std::{fs, path::Path};

use dmmsg::shell::kernel::control::Request;

use super::{
    guest::{
        Device, Guest, WHOLE_TEXTS, attempt, crypt_table, dmsetup_message, kernel, run,
        send_request,
    },
    memory::{self, Needles},
    tracer::{Run, Tracer},
};

/// 64 bytes that no message but those of this file holds.
const KEY: &str = "c5a1907e3bd2648ff01c9ab35e7d28460be94f61a8d37c12f56e8b904da7133c\
                   9e04d8b7216fa35c8d1270fb4e96c3a5e7bb50812fd4693ac87f1e05b2d96a48";
/// A text that is not secret, to prove that it would be found.
const PLAIN: &str = "visible canary 4711";

/// All outputs on both rungs at once, with a ring small enough to search.
struct Witnesses(Vec<Tracer>);

impl Witnesses {
    fn start() -> Self {
        let formats = ["-o json", "", "--wide", "-o json --probe kprobe", "--wide --probe kprobe"];
        Self(Tracer::start_lines(formats.map(|format| format!("{format} --ring 64KiB"))))
    }

    /// Ends all; `key` must have left no trace, unlike what was sent in the open.
    ///
    /// Gives the runs on the fentry and on the kprobe rung with JSON.
    fn end(self, key: &str) -> [Run; 2] {
        let paths = Device::switch("plain");
        paths.send(0, PLAIN.as_bytes());
        let (key, plain) = (Needles::of_key(key), Needles::of(&[PLAIN.as_bytes()]));
        let mut runs: Vec<_> =
            self.0.into_iter().map(|tracer| check(tracer, &key, &plain)).collect();
        [runs.remove(0), runs.remove(2)]
    }
}

fn check(mut tracer: Tracer, key: &Needles, plain: &Needles) -> Run {
    let mut is_plain = false;
    while !is_plain {
        let line = tracer.wait_for_line().text.as_bytes();
        assert_eq!(key.find(line), None, "{}", line.escape_ascii());
        is_plain = plain.are_in(line);
    }
    let memory = memory::of(tracer.pid());
    for is_ring in [true, false] {
        let mut mappings = memory.iter().filter(|mapping| mapping.is_ring() == is_ring);
        assert!(mappings.any(|mapping| mapping.find(plain).is_some()), "ring: {is_ring}");
    }
    assert_eq!(memory.iter().find_map(|mapping| mapping.find(key)), None);
    let run = tracer.stop();
    assert_eq!(run.code, Some(0), "{run:?}");
    for line in run.stdout.iter().chain(&run.stderr) {
        assert!(!key.are_in(line.as_bytes()), "{line}");
    }
    run
}

/// Verb, length, return, redaction, notes and text of all messages but the last.
///
/// That the device is suspended, as crypt wants it for a key, is another test's business.
fn cells(run: &Run) -> Vec<String> {
    let mut rows = run.rows();
    rows.pop();
    let pointers = ["/msg/tag", "/msg/len", "/ret", "/msg/redacted", "/notes", "/msg/text"];
    let cells = rows.iter().map(|row| pointers.map(|pointer| row.cell(pointer)).join("|"));
    cells
        .map(|cells| cells.replace(r#","suspended"]"#, "]").replace(r#""suspended""#, ""))
        .collect()
}

#[test]
fn vm_keys_in_messages_are_in_no_output_and_no_memory() {
    let Some(_guest) = Guest::enter() else { return };
    let crypt = Device::new("secret", &crypt_table());
    run("dmsetup", ["suspend", "secret"]);
    let switch = Device::switch("paths");
    let witnesses = Witnesses::start();
    let texts = [
        format!("key set {KEY}"),
        format!("KEY\tSET {}", KEY.to_uppercase()),
        format!("k\\ey set {KEY}"),
        format!("\\key \\s\\e\\t \\{KEY}"),
        format!("  key   set   {KEY}"),
        format!("key\\ set {KEY}"),
        format!("key\\ set\\ {KEY}"),
        format!("key rotate {KEY}"),
        format!("key {KEY}"),
    ];
    for device in [&crypt, &switch] {
        for text in &texts {
            device.send(0, text.as_bytes());
        }
    }
    // Where keys are expected, any text that is not understood may be one.
    for text in [format!("bogus {KEY}"), KEY.to_owned(), format!("key {KEY}")] {
        crypt.send(0, text.as_bytes());
        let request = Request::new(switch.address(), 0, text.as_bytes());
        send_request(&mut request.secure());
    }
    dmsetup_message(&format!("secret 0 key set {KEY}"));
    dmsetup_message(&format!("nobody 0 key set {KEY}"));
    crypt.send(0, b"key wipe");

    let [fentry, kprobe] = witnesses.end(KEY).map(|run| cells(&run));
    // To crypt all work but the words that are one; nothing else has such a verb.
    let [done, failed] = [0, -22].map(|ret| {
        [
            format!("key set|136|{ret}|true|[]|key set "),
            format!(r"key set|136|{ret}|true|[]|KEY\tSET "),
            format!(r"key set|137|{ret}|true|[]|k\\ey set "),
            format!(r"key set|141|{ret}|true|[]|\\key \\s\\e\\t \\"),
            format!("key set|142|{ret}|true|[]|  key   set   "),
            r"key set|137|-22|true|[]|key\\ set ".to_owned(),
            r"key set|138|-22|true|[]|key\\ set\\".to_owned(),
        ]
    });
    let mut expected = Vec::from(done);
    expected.extend([139, 132].map(|len| format!("-|{len}|-22|true|[]|")));
    expected.extend(failed);
    expected.push("key|139|-22|true|[]|key ".to_owned());
    // An old kernel's programs do not come to the end of the second word, and hide it all.
    let [verb, text] = if kernel() < WHOLE_TEXTS { ["-", ""] } else { ["key", "key "] };
    expected.push(format!("{verb}|132|-22|true|[]|{text}"));
    expected.extend(
        [134, 128, 132].into_iter().flat_map(|len| {
            ["[]", r#"["secure"]"#].map(|notes| format!("-|{len}|-22|true|{notes}|"))
        }),
    );
    expected.extend([
        "key set|136|0|true|[]|key set ".to_owned(),
        r#"key set|136|-6|true|["no_device"]|key set "#.to_owned(),
        "key wipe|8|0|false|[]|key wipe".to_owned(),
    ]);
    assert_eq!(fentry, expected);
    assert_eq!(kprobe, expected);
}

/// A LUKS volume on a ram disk, open by the name `vault`.
struct Vault;

const PASSPHRASE: &str = "/tmp/passphrase";

fn cryptsetup(line: &str) -> String {
    run("cryptsetup", ["--key-file", PASSPHRASE].into_iter().chain(line.split(' ')))
}

impl Vault {
    fn open() -> Self {
        fs::write(PASSPHRASE, "correct horse battery staple").expect("the passphrase is written");
        cryptsetup("luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 /dev/ram8");
        cryptsetup("open --disable-keyring /dev/ram8 vault");
        Self
    }

    /// The volume key as hexadecimal digits.
    fn key() -> String {
        let dump = cryptsetup("luksDump -q --dump-volume-key /dev/ram8");
        let (_, key) = dump.split_once("MK dump:").expect("the dump has the key");
        key.chars().filter(char::is_ascii_hexdigit).collect()
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        attempt("cryptsetup", ["close", "vault"]);
        assert!(!Path::new("/dev/mapper/vault").exists(), "the vault is closed");
    }
}

#[test]
fn vm_keys_of_cryptsetup_are_in_no_output_and_no_memory() {
    let Some(_guest) = Guest::enter() else { return };
    let _vault = Vault::open();
    let key = Vault::key();
    assert_eq!(key.len(), 128);
    let witnesses = Witnesses::start();
    cryptsetup("luksSuspend vault");
    cryptsetup("luksResume --disable-keyring vault");

    let [fentry, kprobe] = witnesses.end(&key).map(|run| cells(&run));
    let expected =
        ["key wipe|8|0|false|[\"secure\"]|key wipe", "key set|136|0|true|[\"secure\"]|key set "];
    assert_eq!(fentry, expected);
    assert_eq!(kprobe, expected);
}
