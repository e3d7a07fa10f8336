//! The screen, on a terminal.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{Mode, OFlags, open},
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Termios, Winsize, tcgetattr, tcsetwinsize},
};

use super::{
    guest::{Device, Guest},
    tracer::path,
};

/// The terminal's other screen, and the way back.
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";

/// After this, what is waited for is taken not to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A terminal of 80 columns and 24 lines, and dmmsg-trace on it.
struct Screen {
    child: Child,
    terminal: File,
    /// As it was before.
    modes: Termios,
    /// Its other end, held open so that what was sent can be read to its end.
    _line: OwnedFd,
    /// What it was sent.
    sent: Arc<Mutex<Vec<u8>>>,
}

impl Screen {
    /// Starts dmmsg-trace, and waits until it has drawn.
    fn start() -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&terminal).expect("it is ours");
        unlockpt(&terminal).expect("it opens");
        let name = ptsname(&terminal, Vec::new()).expect("it has a name");
        let line = open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("it opens");
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&line, size).expect("it has a size");
        let modes = tcgetattr(&terminal).expect("it has modes");
        let stdio = || Stdio::from(line.try_clone().expect("a descriptor"));
        let mut trace = Command::new(path());
        trace.arg("--top").stdin(stdio()).stdout(stdio()).stderr(stdio());
        let child = trace.spawn().expect("dmmsg-trace starts");
        drop(trace);
        let terminal = File::from(terminal);
        let sent = Arc::default();
        let screen = Self { child, modes, sent: Arc::clone(&sent), terminal, _line: line };
        let mut reader = screen.terminal.try_clone().expect("a descriptor");
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Fails when nobody has the other end any more.
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                sent.lock().unwrap_or_else(PoisonError::into_inner).extend(&bytes[..count]);
            }
        });
        screen.wait_for("order by:");
        screen
    }

    fn sent(&self) -> String {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&sent).into_owned()
    }

    fn wait_for(&self, text: &str) {
        let start = Instant::now();
        while !self.sent().contains(text) {
            assert!(start.elapsed() < PATIENCE, "no {text} in {:?}", self.sent());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The run has ended: the terminal is as it was, and has the totals.
    fn check_end(mut self) {
        let status = self.child.wait().expect("dmmsg-trace ends");
        self.wait_for("seen 3 = delivered 3 + lost 0 + filtered 0");
        assert_eq!(status.code(), Some(0));
        let sent = self.sent();
        let (before, after) = sent.rsplit_once(LEAVE).expect("the other screen is left");
        assert!(before.contains(ENTER) && after.contains("seen 3 = "), "{sent}");
        let modes = tcgetattr(&self.terminal).expect("it has modes");
        assert_eq!(modes.local_modes, self.modes.local_modes);
        assert_eq!(modes.input_modes, self.modes.input_modes);
    }
}

#[test]
fn vm_a_screen_shows_what_goes_on_and_leaves_the_terminal_as_it_was() {
    let Some(_guest) = Guest::enter() else { return };
    let switch = Device::switch("paths");
    for ends_by_key in [true, false] {
        let mut screen = Screen::start();
        for text in [&b"set_region_mappings 0:0"[..], b"set_region_mappings 0:0", b"bogus"] {
            switch.send(0, text);
        }
        screen.wait_for("set_region_ma");
        screen.wait_for("other");
        if ends_by_key {
            screen.terminal.write_all(b"eq").expect("keys are pressed");
        } else {
            let pid = Pid::from_child(&screen.child);
            kill_process(pid, Signal::TERM).expect("the signal is sent");
        }
        screen.check_end();
    }
}

#[test]
fn vm_a_screen_needs_a_terminal() {
    let Some(_guest) = Guest::enter() else { return };
    let output = Command::new(path()).arg("--top").output().expect("dmmsg-trace starts");
    assert_eq!(output.status.code(), Some(2));
    let told = "dmmsg-trace: --top needs a terminal: -o hist shows the same without one\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), told);
}
