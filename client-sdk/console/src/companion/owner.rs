//! Whether a loopback connection comes from the user who runs this program.
//!
//! Every user of a machine can connect to 127.0.0.1. Linux tells whose a socket is in `/proc/net/tcp`; where that is not
//! there, the secret path alone keeps others out.

use std::net::SocketAddr;

/// Table of the system's IPv4 sockets. Source: proc_pid_net(5).
const SOCKETS: &str = "/proc/net/tcp";

/// Whether the socket at the other end belongs to us; true where the system does not tell.
pub(super) fn is_ours(from: SocketAddr, to: SocketAddr) -> bool {
    match std::fs::read_to_string(SOCKETS) {
        Ok(table) => owner(&table, from, to) == Some(rustix::process::getuid().as_raw()),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// The user whose socket has these ends.
fn owner(table: &str, local: SocketAddr, remote: SocketAddr) -> Option<u32> {
    let (local, remote) = (in_table(local)?, in_table(remote)?);
    let row = table.lines().skip(1).find_map(|line| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let [_, from, to, _state, _queues, _timer, _again, user, ..] = cells.as_slice() else {
            return None;
        };
        (*from == local && *to == remote).then_some(*user)
    })?;
    row.parse().ok()
}

/// An address as the table writes it: the bytes of the address as the machine keeps them, and the port.
fn in_table(address: SocketAddr) -> Option<String> {
    let SocketAddr::V4(address) = address else { return None };
    let ip = u32::from_ne_bytes(address.ip().octets());
    Some(format!("{ip:08X}:{:04X}", address.port()))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_socket_of_ours_is_ours() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (from, to) = (stream.local_addr().unwrap(), listener.local_addr().unwrap());
        assert!(is_ours(from, to));
        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        assert!(!is_ours(nobody, to), "a socket that is in no table");
    }

    #[test]
    fn the_table_tells_whose_a_socket_is() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 1 1\n\
            1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 2 1\n";
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(owner(table, at(50000), at(8080)), Some(1001));
        assert_eq!(owner(table, at(8080), at(50000)), Some(1000));
        assert_eq!(owner(table, at(50001), at(8080)), None);
        assert_eq!(owner("", at(50000), at(8080)), None);
    }
}
