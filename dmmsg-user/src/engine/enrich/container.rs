//! The container that a cgroup belongs to, by the cgroup's path.
//!
//! Of containers in containers it is the outermost: the one that this machine's runtime knows, and
//! whose name nobody inside has chosen.

use std::borrow::Cow;

use super::unit::components;

/// Hexadecimal digits of an id that a runtime of OCI containers gives.
const ID_LEN: usize = 64;

/// The container's id, or its name where the runtime goes by names.
///
/// | runtime | cgroup | here |
/// |---|---|---|
/// | Docker | `docker-ID.scope`, `docker/ID` | ID |
/// | Podman | `libpod-ID.scope`, `libpod-ID` | ID |
/// | containerd, CRI-O | `cri-containerd-ID.scope`, `crio-ID.scope`, `kubepods/…/ID` | ID |
/// | LXC, LXD, Incus | `lxc.payload.NAME`, `lxc.payload/NAME`, `lxc/NAME` | NAME |
/// | systemd-nspawn, libvirt | `machine-NAME.scope`, `systemd-nspawn@NAME.service` | NAME |
///
/// What starts and watches a container is not in it: `libpod-conmon-ID.scope`, `lxc.monitor.NAME`
/// and nspawn's `supervisor`. Neither is what runs a virtual machine (`machine-qemu\x2d….scope`).
pub fn container(cgroup: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut above: &[u8] = b"";
    let mut components = components(cgroup).peekable();
    while let Some(component) = components.next() {
        let borrowed = oci(above, component).or_else(|| lxc(above, component));
        let name = borrowed.map(Cow::Borrowed).or_else(|| machine(component));
        if name.is_some() {
            return name.filter(|_| components.peek() != Some(&&b"supervisor"[..]));
        }
        above = component;
    }
    None
}

fn oci<'a>(above: &[u8], component: &'a [u8]) -> Option<&'a [u8]> {
    let name = component.strip_suffix(b".scope").unwrap_or(component);
    let (runtime, id) = name.split_at_checked(name.len().checked_sub(ID_LEN)?)?;
    let is_id = id.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_container = match runtime.split_last() {
        // Podman's pods have such ids too.
        None => above != b"libpod_parent",
        Some((separator, runtime)) => {
            matches!(separator, b'-' | b':') && !runtime.ends_with(b"conmon")
        }
    };
    (is_id && is_container).then_some(id)
}

fn lxc<'a>(above: &[u8], component: &'a [u8]) -> Option<&'a [u8]> {
    if matches!(above, b"lxc" | b"lxc.payload") {
        return Some(component);
    }
    component.strip_prefix(b"lxc.payload.").filter(|name| !name.is_empty())
}

fn machine(component: &[u8]) -> Option<Cow<'_, [u8]>> {
    if let Some(name) = component.strip_prefix(b"systemd-nspawn@") {
        return name.strip_suffix(b".service").filter(|name| !name.is_empty()).map(Cow::Borrowed);
    }
    let name = component.strip_prefix(b"machine-")?.strip_suffix(b".scope")?;
    if name.is_empty() || name.starts_with(br"qemu\x2d") {
        return None;
    }
    Some(unescaped(name))
}

/// A machine's name as `machinectl` shows it: a unit's name holds it with `\xNN` for some bytes.
///
/// Source: systemd v257, `src/basic/unit-name.c`, `unit_name_escape`.
fn unescaped(name: &[u8]) -> Cow<'_, [u8]> {
    if !name.contains(&b'\\') {
        return Cow::Borrowed(name);
    }
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&first, behind)) = rest.split_first() {
        let code = behind.strip_prefix(b"x").and_then(|code| code.first_chunk().copied());
        if let Some(byte) = code.and_then(hex_byte).filter(|_| first == b'\\') {
            out.push(byte);
            rest = rest.get(br"\xNN".len()..).unwrap_or_default();
        } else {
            out.push(first);
            rest = behind;
        }
    }
    Cow::Owned(out)
}

fn hex_byte(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
}

#[cfg(test)]
mod tests {
    use super::container;
    use expect_test::{Expect, expect};

    const ID: &str = "9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d";
    const OTHER: &str = "4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970";

    /// Paths with `ID` and `OTHER` for the ids.
    fn check(cgroups: &[&str], expected: &Expect) {
        let names = cgroups.iter().map(|cgroup| {
            let path = cgroup.replace("ID", ID).replace("OTHER", OTHER);
            let name = container(path.as_bytes());
            let name = name.as_deref().map_or("-".into(), String::from_utf8_lossy);
            name.replace(ID, "ID").replace(OTHER, "OTHER") + "\n"
        });
        expected.assert_eq(&names.collect::<String>());
    }

    #[test]
    fn docker_and_podman() {
        check(
            &[
                "/system.slice/docker-ID.scope",
                "/docker/ID",
                "/ID",
                "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID.scope",
                "/machine.slice/libpod-ID.scope",
                "/machine.slice/libpod-ID.scope/container",
                "/machine.slice/machine-libpod_pod_OTHER.slice/libpod-ID.scope/container",
                "/libpod_parent/libpod-ID",
                "/libpod_parent/OTHER/libpod-ID",
            ],
            &expect![[r"
                ID
                ID
                ID
                ID
                ID
                ID
                ID
                ID
                ID
            "]],
        );
    }

    #[test]
    fn kubernetes() {
        let pods = "/kubepods.slice/kubepods-burstable.slice\
            /kubepods-burstable-pod2fc932ce_fdcc_454b_97bd_aadfdeb4c340.slice";
        check(
            &[
                &format!("{pods}/cri-containerd-ID.scope"),
                &format!("{pods}/crio-ID.scope"),
                &format!("{pods}/crio-ID.scope/container"),
                &format!("{pods}/docker-ID.scope"),
                "/kubepods/besteffort/pod91a8fc3a-0ecf-48b4-81bf-78a7275d348c/ID",
                "/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:ID",
                "/system.slice/docker-OTHER.scope/kubelet.slice/kubelet-kubepods.slice\
                    /kubelet-kubepods-pod1.slice/cri-containerd-ID.scope",
            ],
            &expect![[r"
                ID
                ID
                ID
                ID
                ID
                ID
                OTHER
            "]],
        );
    }

    #[test]
    fn lxc_and_nspawn() {
        check(
            &[
                "/lxc.payload.web1",
                "/lxc.payload.web1/system.slice/docker-ID.scope",
                "/lxc.payload/example/init.scope",
                "/lxc/100/ns/system.slice/cron.service",
                "/machine.slice/machine-web.scope/payload/system.slice/sshd.service",
                r"/machine.slice/machine-my\x2dbox.scope",
                r"/machine.slice/machine-lxc\x2d1234\x2dweb.scope/init.scope",
                "/machine.slice/systemd-nspawn@my-box.service/payload",
                r"/machine-a\x2.scope",
            ],
            &expect![[r"
                web1
                web1
                example
                100
                web
                my-box
                lxc-1234-web
                my-box
                a\x2
            "]],
        );
    }

    #[test]
    fn what_is_not_in_a_container() {
        for cgroup in [
            "/",
            "/system.slice/docker.service",
            "/system.slice/containerd.service",
            "/system.slice/crio-conmon-ID.scope",
            "/machine.slice/libpod-conmon-ID.scope",
            "/libpod_parent/ID",
            "/lxc.monitor.web1",
            "/lxc.monitor/example",
            "/machine.slice/machine-web.scope/supervisor",
            "/machine.slice/systemd-nspawn@my-box.service/supervisor",
            r"/machine.slice/machine-qemu\x2d1\x2dvm.scope/libvirt/emulator",
            "/machine.slice/machine-.scope",
            "/lxc.payload.",
            "/docker/9EC39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d",
            "/xID",
        ] {
            let path = cgroup.replace("ID", ID);
            assert_eq!(container(path.as_bytes()), None, "{cgroup}");
        }
    }
}
