//! Bytes that a connection has no room for wait, and come whole and in order.

use std::os::unix::net::UnixStream;

use outrider_transport::{Connection, Outgoing, Sent};

const PIECE: usize = 1000;

#[test]
fn what_a_connection_has_no_room_for_waits() {
    let (here, there) = UnixStream::pair().unwrap();
    let [mut here, mut there] = [here, there].map(|socket| Connection::unix(socket).unwrap());
    let mut outgoing = Outgoing::new(PIECE);
    let (mut given, mut received, mut blocked) = (0_u32, Vec::new(), 0);
    let mut buffer = vec![0; 10 * PIECE];
    while received.len() < 1_000_000 {
        let sent = outgoing.send(&mut here, |bytes| {
            let count = if given < 250_000 { PIECE / 4 } else { 0 };
            for (to, number) in bytes.chunks_mut(4).zip(given..).take(count) {
                to.copy_from_slice(&number.to_le_bytes());
            }
            given += count as u32;
            4 * count
        });
        blocked += usize::from(sent.unwrap().is_blocked);
        while let Some(count) = there.read(&mut buffer).unwrap() {
            received.extend_from_slice(&buffer[..count]);
        }
    }
    assert!(blocked > 0);
    assert!(received.chunks(4).zip(0_u32..).all(|(bytes, number)| bytes == number.to_le_bytes()));
    assert_eq!(received.len(), 1_000_000);
    let nothing = Sent { any: false, is_blocked: false };
    assert_eq!(outgoing.send(&mut here, |_| 0).unwrap(), nothing);
}
