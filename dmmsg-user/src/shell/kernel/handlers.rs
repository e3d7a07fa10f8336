//! Probes on the message methods of targets, whose modules come and go.
//!
//! kprobes on every kernel: a trampoline would keep the module from being unloaded, a breakpoint
//! does not, and goes with it.

use std::{collections::HashMap, fs, os::unix::fs::MetadataExt as _};

use anyhow::{Context as _, Result};
use aya::{Ebpf, programs::kprobe::KProbeLink};

use super::hooks::{attach_kprobe, load_kprobe};
use crate::engine::targets::{self, Target};

const ENTRY: &str = "handler_kprobe";
const RETURN: &str = "handler_kretprobe";

/// The programs for message methods, and where they sit now.
pub struct Handlers {
    ebpf: Ebpf,
    /// Whether device-mapper is a module: then every target is one too, as it needs its symbols.
    all_modules: bool,
    attached: HashMap<&'static str, Attached>,
}

struct Attached {
    instance: Instance,
    #[expect(dead_code, reason = "held open")]
    links: Option<[KProbeLink; 2]>,
}

/// What tells one loading of a module from the next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Instance {
    BuiltIn,
    Module(u64),
}

impl Handlers {
    /// Loads the programs of `ebpf`, from which all else may have been taken.
    ///
    /// `all_modules`: device-mapper is a module.
    ///
    /// # Errors
    /// The kernel refuses a program.
    pub fn load(mut ebpf: Ebpf, all_modules: bool) -> Result<Self> {
        load_kprobe(&mut ebpf, RETURN)?;
        load_kprobe(&mut ebpf, ENTRY)?;
        Ok(Self { ebpf, all_modules, attached: HashMap::new() })
    }

    /// Puts the probes on methods that have come since, and takes them off those that are gone.
    ///
    /// Returns what could not be probed, by the name of its module; the next time it is not tried
    /// again.
    pub fn follow(&mut self) -> Vec<(&'static str, anyhow::Error)> {
        let mut refused = Vec::new();
        for target in targets::types() {
            let now = self.instance(target);
            let before = self.attached.get(target.module).map(|attached| attached.instance);
            if now == before {
                continue;
            }
            self.attached.remove(target.module);
            let Some(instance) = now else { continue };
            let links = match self.attach(target, instance) {
                Ok(links) => Some(links),
                Err(error) => {
                    refused.push((target.module, error));
                    None
                }
            };
            self.attached.insert(target.module, Attached { instance, links });
        }
        refused
    }

    /// Takes all probes off.
    pub fn detach(&mut self) {
        self.attached.clear();
    }

    /// The target's module as it is loaded now; `None` where it is not.
    fn instance(&self, target: &Target) -> Option<Instance> {
        let folder = format!("/sys/module/{}", target.module);
        match fs::metadata(format!("{folder}/initstate")) {
            Ok(file) => Some(Instance::Module(file.ino())),
            // A module that comes or goes has its folder without the file for a moment.
            // Source: `kernel/module/sysfs.c`, `mod_sysfs_teardown`, 6.1 to 7.3.
            Err(_) if self.all_modules => None,
            Err(_) => fs::metadata(folder).is_ok().then_some(Instance::BuiltIn),
        }
    }

    fn attach(&mut self, target: &Target, instance: Instance) -> Result<[KProbeLink; 2]> {
        let symbol = match instance {
            Instance::BuiltIn => target.handler.to_owned(),
            Instance::Module(_) => format!("{}:{}", target.module, target.handler),
        };
        let mut attach = |name| {
            let program = self.ebpf.program_mut(name).context("the object has no such program")?;
            attach_kprobe(program.try_into()?, &symbol)
        };
        // The return first, so that no call is begun whose end would be missed.
        Ok([attach(RETURN)?, attach(ENTRY)?])
    }
}
