//! The systemd unit that a cgroup belongs to, by the cgroup's path.
//!
//! systemd's own rule is followed: slices are passed, and the first other unit counts, whatever
//! cgroups are below it. Whoever was given those may name them as it likes: `sshd.service` within a
//! container is no unit of this machine. Below a user's manager the rule is applied once more.
//! Names stay as in the path, and thus as `systemctl` shows them.

/// The unit; a slice only where nothing better is known.
///
/// Source: systemd v257, `src/basic/cgroup-util.c`, `cg_path_get_unit` and `cg_path_get_user_unit`.
pub fn unit(cgroup: &[u8]) -> Option<&[u8]> {
    let mut components = components(cgroup);
    let (slice, unit) = next_unit(&mut components);
    if !unit.is_some_and(holds_users_units) {
        return unit.or(slice);
    }
    // In `init.scope` is the manager itself.
    next_unit(&mut components).1.filter(|below| below != b"init.scope").or(unit)
}

/// Names of a path's cgroups, the outermost first.
///
/// A path starts with `..` if the cgroup is outside of the reader's cgroup namespace, and a cgroup
/// that was removed is marked (`cgroup_namespaces(7)`; Linux v6.12, `kernel/cgroup/cgroup.c`,
/// `proc_cgroup_show`).
pub(super) fn components(cgroup: &[u8]) -> impl Iterator<Item = &[u8]> {
    let path = cgroup.strip_suffix(b" (deleted)").unwrap_or(cgroup);
    path.split(|&byte| byte == b'/').filter(|name| !matches!(*name, b"" | b".."))
}

/// Passes slices: the last of them, and the unit behind it.
fn next_unit<'a>(
    components: &mut impl Iterator<Item = &'a [u8]>,
) -> (Option<&'a [u8]>, Option<&'a [u8]>) {
    let mut slice = None;
    for component in components {
        match unit_name(component) {
            Some(name) if name.ends_with(b".slice") => slice = Some(name),
            unit => return (slice, unit),
        }
    }
    (slice, None)
}

/// Kinds of units that have cgroups, or had them.
const SUFFIXES: [&[u8]; 6] = [b"service", b"scope", b"slice", b"socket", b"mount", b"swap"];

/// The unit's name, if the cgroup's name is one: not a template's, and without the `_` that keeps
/// it apart from the names of the kernel's own files.
///
/// Source: systemd v257, `src/basic/unit-name.c`, `unit_name_is_valid`.
fn unit_name(component: &[u8]) -> Option<&[u8]> {
    let name = component.strip_prefix(b"_").unwrap_or(component);
    let dot = name.iter().rposition(|&byte| byte == b'.')?;
    let (stem, suffix) = (name.get(..dot)?, name.get(dot + 1..)?);
    let at = stem.iter().position(|&byte| byte == b'@');
    let is_complete = !stem.is_empty() && at != Some(0) && at.is_none_or(|at| at + 1 < stem.len());
    let is_valid =
        stem.iter().all(|byte| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(byte));
    (is_complete && is_valid && SUFFIXES.contains(&suffix)).then_some(name)
}

/// Whether the units below are a user's: in a user's manager, a capsule's, or, with old versions of
/// systemd, a session.
fn holds_users_units(unit: &[u8]) -> bool {
    unit.starts_with(b"user@")
        || unit.starts_with(b"capsule@")
        || unit.strip_prefix(b"session-").is_some_and(|rest| rest.ends_with(b".scope"))
}

#[cfg(test)]
mod tests {
    use super::unit;
    use expect_test::{Expect, expect};

    fn check(cgroups: &[&str], expected: &Expect) {
        let units = cgroups.iter().map(|cgroup| {
            let unit = unit(cgroup.as_bytes()).map_or("-".into(), String::from_utf8_lossy);
            format!("{unit}\n")
        });
        expected.assert_eq(&units.collect::<String>());
    }

    #[test]
    fn a_service_or_scope_of_the_system() {
        check(
            &[
                "/init.scope",
                "/system.slice/multipathd.service",
                "/system.slice/system-getty.slice/getty@tty1.service",
                r"/system.slice/system-lvm2\x2dpvscan.slice/lvm2-pvscan@253:3.service",
                "/system.slice/_cpu.service",
                "/system.slice/systemd-udevd.service/udev",
                "/system.slice/dm-event.socket",
                r"/system.slice/dev-disk-by\x2duuid-1.swap",
                "/machine.slice/machine-web.scope/payload/system.slice/sshd.service",
                "/../lvm2-monitor.service",
                "/system.slice/blk-availability.service (deleted)",
            ],
            &expect![[r"
                init.scope
                multipathd.service
                getty@tty1.service
                lvm2-pvscan@253:3.service
                cpu.service
                systemd-udevd.service
                dm-event.socket
                dev-disk-by\x2duuid-1.swap
                machine-web.scope
                lvm2-monitor.service
                blk-availability.service
            "]],
        );
    }

    #[test]
    fn a_users_unit_or_session() {
        let user = "/user.slice/user-1000.slice";
        let below = |rest| format!("{user}{rest}");
        let cgroups = [
            "/session-2.scope",
            "/user@1000.service",
            "/user@1000.service/init.scope",
            "/user@1000.service/app.slice",
            "/user@1000.service/app.slice/app-org.gnome.Terminal.slice/vte-spawn-5f.scope",
            r"/user@1000.service/app.slice/app-gnome-gparted\x2dx-1.scope",
            "/user@1000.service/session.slice/pipewire.service",
            "/user@1000.service/user.slice/podman-1.scope/x",
            "/user@.service/server.service",
        ]
        .map(below);
        check(
            &cgroups.each_ref().map(String::as_str),
            &expect![[r"
            session-2.scope
            user@1000.service
            user@1000.service
            user@1000.service
            vte-spawn-5f.scope
            app-gnome-gparted\x2dx-1.scope
            pipewire.service
            podman-1.scope
            user-1000.slice
        "]],
        );
        check(
            &["/capsule.slice/capsule@test.service/app.slice/run-p9-i1.service"],
            &expect![[r"
            run-p9-i1.service
        "]],
        );
    }

    #[test]
    fn a_slice_if_there_is_nothing_else() {
        check(
            &["/user.slice/user-1000.slice", "/machine.slice/libvirt", "/system.slice/a#b.service"],
            &expect![[r"
                user-1000.slice
                machine.slice
                system.slice
            "]],
        );
    }

    #[test]
    fn nothing_of_systemd() {
        for cgroup in
            ["/", "", "/lxc.payload.web/system.slice/x.service", "/docker/9ec3", "/getty@.service"]
        {
            assert_eq!(unit(cgroup.as_bytes()), None, "{cgroup}");
        }
        for cgroup in ["/.service", "/@x.service", "/x.service.d", "/x.timer"] {
            assert_eq!(unit(cgroup.as_bytes()), None, "{cgroup}");
        }
    }
}
