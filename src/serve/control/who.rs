//! Who is at the other end of a socket, by the kernel's word.

use std::fs::File;
use std::io::Read;

use tokio::net::UnixStream;

use crate::record::Who;

/// More of `/etc/passwd` is not read.
const PASSWD_MAX: u64 = 1 << 20;

/// The login name of whoever connected, or `uid:1000` where `/etc/passwd` has none.
pub(super) fn of(stream: &UnixStream) -> std::io::Result<Who> {
    let uid = stream.peer_cred()?.uid();
    let mut passwd = String::new();
    if let Ok(file) = File::open("/etc/passwd") {
        // Without a readable file there is still the number.
        let _ = file.take(PASSWD_MAX).read_to_string(&mut passwd);
    }
    Ok(Who { name: name_in(&passwd, uid).unwrap_or_else(|| format!("uid:{uid}")), via: "socket".to_owned() })
}

fn name_in(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let number = fields.nth(1)?;
        (number.parse() == Ok(uid) && is_plain(name)).then(|| name.to_owned())
    })
}

/// What `useradd` allows; anything else could pretend to be somebody in a record or a message.
fn is_plain(name: &str) -> bool {
    let body = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    body && (1..=32).contains(&name.len()) && !name.starts_with(['-', '.'])
}

#[cfg(test)]
mod tests {
    use super::name_in;

    #[test]
    fn names_come_from_passwd_and_odd_ones_do_not_count() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/sh\nbroken\n\
                      a b:x:1001:1::/:\n:x:1002:1::/:\nuid:7:x:1003:1::/:\n";
        assert_eq!(name_in(passwd, 0).as_deref(), Some("root"));
        assert_eq!(name_in(passwd, 1000).as_deref(), Some("ann"));
        for uid in [1001, 1002, 1003, 4_294_967_295] {
            assert_eq!(name_in(passwd, uid), None, "{uid}");
        }
    }
}
