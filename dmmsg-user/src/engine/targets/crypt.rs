//! Messages to `crypt`.
//!
//! Source: `drivers/md/dm-crypt.c`, `crypt_message`, `crypt_set_key`, `crypt_wipe_key`; versions
//! checked: all, equal but that 5.10 takes no `trusted` keys. The other types of keys, which the
//! kernel's keyrings hold, are `logon`, `user` and `encrypted`.

use super::{
    Class, Target, Verb,
    errno::{EINVAL, EKEYEXPIRED, EKEYREVOKED, ENOKEY},
};

/// Encryption.
pub static CRYPT: Target = Target {
    type_name: "crypt",
    module: "dm_crypt",
    handler: "crypt_message",
    since: None,
    verbs: &[
        Verb::new("key set", Class::Secret)
            .takes(1, 1, "{<hex> | :<bytes>:<type>:<description> | -}")
            .fails(&[
                (EINVAL, "the device is not suspended, or the key does not fit the table"),
                (ENOKEY, "the sender's keyrings have no such key"),
                (EKEYEXPIRED, "the keyring's key has expired"),
                (EKEYREVOKED, "the keyring's key is revoked"),
            ]),
        // The key goes from memory alone, and the next `key set` brings it back.
        Verb::new("key wipe", Class::Controls).fails(&[(EINVAL, "the device is not suspended")]),
    ],
    failures: &[(EINVAL, "the device is not suspended, or the target has no such message")],
};
