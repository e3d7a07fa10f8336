//! Sends one message to one device as fast as it can, and tells how long each round took.
//!
//! Usage: `flood DEVICE SECTOR MESSAGE COUNT [ROUNDS]`

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a program, not the engine"
)]

use std::{env, time::Instant};

use anyhow::{Context as _, Result, bail};
use dmmsg::shell::kernel::control::{Address, Control, Request};

fn main() -> Result<()> {
    let words: Vec<_> = env::args().skip(1).collect();
    let [device, sector, message, count, rounds @ ..] = words.as_slice() else {
        bail!("usage: flood DEVICE SECTOR MESSAGE COUNT [ROUNDS]");
    };
    let sector = sector.parse().context("read SECTOR")?;
    let count: u64 = count.parse().context("read COUNT")?;
    let rounds: u64 =
        rounds.first().map_or(Ok(1), |rounds| rounds.parse()).context("read ROUNDS")?;

    let control = Control::open().context("open the control node")?;
    let mut request = Request::new(Address::Name(device.as_bytes()), sector, message.as_bytes());
    for _ in 0..rounds {
        let start = Instant::now();
        let mut failed = 0_u64;
        for _ in 0..count {
            failed += u64::from(control.send(&mut request).is_err());
        }
        println!("{} {failed}", start.elapsed().as_nanos() / u128::from(count.max(1)));
    }
    Ok(())
}
