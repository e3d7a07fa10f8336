//! Names of users, by the contents of `/etc/passwd`.
//!
//! The file and not the C library: its `getpwuid_r` loads modules (NSS) that a static binary cannot
//! load or that may not fit it, and may ask the network while a burst of records waits. So users
//! that only LDAP, SSSD or the like know have no name here. Few send messages: it takes
//! `CAP_SYS_ADMIN`, and system users are in the file.

use std::collections::HashMap;

/// The name of each user id; the first entry of an id counts.
///
/// Source: `passwd(5)`; lines that start with `+` or `-` refer to NIS (`nsswitch.conf(5)`, compat).
pub fn names(contents: &[u8]) -> HashMap<u32, Vec<u8>> {
    let mut names = HashMap::new();
    for (uid, name) in contents.split(|&byte| byte == b'\n').filter_map(entry) {
        names.entry(uid).or_insert_with(|| name.to_vec());
    }
    names
}

fn entry(line: &[u8]) -> Option<(u32, &[u8])> {
    let mut fields = line.split(|&byte| byte == b':');
    let name = fields.next().filter(|name| !matches!(name.first(), None | Some(b'+' | b'-')))?;
    let uid = str::from_utf8(fields.nth(1)?).ok()?.parse().ok()?;
    Some((uid, name))
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn the_first_entry_of_an_id_counts_and_lines_of_another_kind_do_not() {
        let contents = b"root:x:0:0:root:/root:/bin/sh\ntoor:*:0:0::/root:/bin/csh\n\n\
            b\xfcrger:x:1000:1000::/:/bin/sh\n+nis:x:7:7:::\n-:x:8:8:::\n:x:5:5\n\
            x:y\nz:x:-1:1\nlast:x:2";
        let mut all: Vec<_> = names(contents).into_iter().collect();
        all.sort();
        let expected: [(u32, &[u8]); 3] = [(0, b"root"), (2, b"last"), (1000, b"b\xfcrger")];
        assert_eq!(all, expected.map(|(uid, name)| (uid, name.to_vec())));
    }
}
