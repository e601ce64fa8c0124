//! Who is let in when a node is full, and who makes room.

use std::sync::Arc;

use outrider::{Patch, PatchOptions, PlanOptions, SurfaceCode};
use outrider_node::{ConnectionId, Node, NodeEvent, NodeOptions, Peer, Refusal};
use outrider_wire::limits::{FRAME_BYTES_MAX, PAYLOAD_BYTES_MAX};
use outrider_wire::{
    ClientEvent, ClientSession, Decoded, Digest, Error, Fault, FrameType, Open, Options, SessionId, StreamId,
    Time, Widths, decode_frame,
};

const HONEST: Peer = Peer::User(1000);
const STRANGER: Peer = Peer::User(2000);
const CONNECTIONS: usize = 8;
const SESSIONS: usize = 4;
const SHARE: usize = 3;
/// Later than any session may be without a connection.
const MUCH_LATER: Time = Time(60_000_000_000);

/// A node of four sessions and eight connections, of which one peer may have three each.
fn node() -> (Node, Open) {
    let model = SurfaceCode::memory(3, 20).build().unwrap().model().unwrap();
    let patch = Patch::new(&model, &PatchOptions::new(PlanOptions::parallel(3))).unwrap();
    let widths = patch.widths();
    let open = Open {
        model: Digest(*patch.model_digest()),
        plan: Digest(*patch.plan_digest()),
        observables: patch.plan().graph().observable_count(),
        widths: Widths { first: widths.first, cycle: widths.cycle, last: widths.last },
    };
    let options = NodeOptions {
        connections_max: CONNECTIONS,
        greetings_per_peer_max: SHARE,
        sessions_max: SESSIONS,
        sessions_per_peer_max: SHARE,
        ..NodeOptions::default()
    };
    (Node::new(vec![Arc::new(patch)], options, || [1; 16]), open)
}

/// A client and its connection.
struct Client {
    session: ClientSession,
    line: ConnectionId,
}

impl Client {
    /// One that has its session, or why it has none.
    fn greet(node: &mut Node, peer: Peer, now: Time) -> Result<Self, (Option<Error>, String)> {
        let mut session = ClientSession::new(&Options::default(), now).unwrap();
        session.connect(now).unwrap();
        let line = node.connect(peer, now).expect("room for a greeting");
        let mut client = Self { session, line };
        client.exchange(node, now);
        match client.session.poll_event() {
            Some(ClientEvent::Established { .. }) => Ok(client),
            Some(ClientEvent::Refused(fault)) => {
                let why = (fault.error(), fault.text.to_owned());
                node.disconnect(line, now);
                Err(why)
            }
            other => panic!("{other:?}"),
        }
    }

    fn number(&self) -> SessionId {
        self.session.agreement().expect("a session").session
    }

    /// Opens a stream and stays.
    fn open(&mut self, node: &mut Node, open: &Open) {
        self.session.open(StreamId(1), open, Time(0)).unwrap();
        self.exchange(node, Time(0));
        assert!(matches!(self.session.poll_event(), Some(ClientEvent::Opened { .. })));
    }

    /// Is gone without a word.
    fn hang_up(self, node: &mut Node, now: Time) {
        node.disconnect(self.line, now);
    }

    /// Passes on what both have to send, up to the first event of the client.
    fn exchange(&mut self, node: &mut Node, now: Time) {
        let mut bytes = vec![0; FRAME_BYTES_MAX];
        let there = self.session.transmit(&mut bytes, now);
        node.receive(self.line, &bytes[..there], now);
        let back = node.transmit(self.line, &mut bytes, now);
        assert_eq!(self.session.receive(&bytes[..back], now), back);
    }
}

/// The sessions that had to make room so far.
fn evicted(node: &mut Node) -> Vec<SessionId> {
    let events = std::iter::from_fn(|| node.poll_event());
    Vec::from_iter(events.filter_map(|event| match event {
        NodeEvent::SessionEvicted { session } => Some(session),
        _ => None,
    }))
}

#[test]
fn sessions_that_were_abandoned_lock_nobody_out() {
    let (mut node, _) = node();
    for round in 0..100 {
        Client::greet(&mut node, STRANGER, Time(round)).expect("a session").hang_up(&mut node, Time(round));
        Client::greet(&mut node, HONEST, Time(round)).expect("a session").hang_up(&mut node, Time(round));
        assert!(node.session_count() <= SESSIONS);
    }
    assert_eq!(node.counters().sessions_evicted, 200 - SESSIONS as u64);
}

#[test]
fn the_one_that_has_been_without_a_connection_for_longest_makes_room() {
    let (mut node, _) = node();
    let [first, second, third] =
        [STRANGER, HONEST, STRANGER].map(|peer| Client::greet(&mut node, peer, Time(0)).expect("a session"));
    let in_order = [third.number(), first.number(), second.number()];
    let fourth = Client::greet(&mut node, HONEST, Time(0)).expect("a session");
    for (at, client) in [(10, third), (20, first), (30, second)] {
        client.hang_up(&mut node, Time(at));
    }
    let mut newcomers = Vec::new();
    for gone in in_order {
        newcomers.push(Client::greet(&mut node, Peer::User(3000), Time(40)).expect("a session"));
        assert_eq!(evicted(&mut node), [gone]);
    }
    assert_eq!(node.peer(fourth.number()), Some(HONEST));
    let why = Client::greet(&mut node, STRANGER, Time(40)).err();
    assert_eq!(why, Some((Some(Error::SessionsFull), String::new())));
}

#[test]
fn strangers_evict_no_session_with_a_connection_or_with_streams() {
    let (mut node, open) = node();
    let connected = Client::greet(&mut node, HONEST, Time(0)).expect("a session");
    let mut lost = Client::greet(&mut node, HONEST, Time(0)).expect("a session");
    lost.open(&mut node, &open);
    let number = lost.number();
    lost.hang_up(&mut node, Time(0));
    let mut strangers = Vec::new();
    let why = loop {
        match Client::greet(&mut node, STRANGER, Time(1)) {
            Ok(client) => strangers.push(client),
            Err((error, _)) => break error,
        }
    };
    assert_eq!((why, strangers.len()), (Some(Error::SessionsFull), SESSIONS - 2));
    assert_eq!(evicted(&mut node), []);
    // The streams are given up for a newcomer of their own peer alone.
    let newcomer = Client::greet(&mut node, HONEST, Time(2)).expect("the place of the one that was lost");
    assert_eq!(evicted(&mut node), [number]);
    assert_eq!(node.stream_count(), 0);
    for client in [&connected, &newcomer] {
        assert_eq!(node.peer(client.number()), Some(HONEST));
    }
}

#[test]
fn a_controller_that_is_restarted_again_and_again_takes_its_own_places() {
    let (mut node, open) = node();
    let mut other = Client::greet(&mut node, STRANGER, Time(0)).expect("a session");
    other.open(&mut node, &open);
    let number = other.number();
    other.hang_up(&mut node, Time(0));
    for restart in 1..64 {
        let mut client = Client::greet(&mut node, HONEST, Time(restart)).expect("a session");
        client.open(&mut node, &open);
        client.hang_up(&mut node, Time(restart));
        assert!(node.session_count() <= 1 + SHARE);
    }
    assert_eq!(node.peer(number), Some(STRANGER));
    node.on_timer(MUCH_LATER);
    assert_eq!((node.session_count(), node.stream_count()), (0, 0));
}

#[test]
fn one_peer_takes_no_more_than_its_share_of_sessions() {
    let (mut node, _) = node();
    let mut taken = Vec::new();
    for _ in 0..SHARE {
        taken.push(Client::greet(&mut node, STRANGER, Time(0)).expect("a session"));
    }
    let why = Client::greet(&mut node, STRANGER, Time(0)).err();
    assert_eq!(why, Some((Some(Error::SessionsFull), "the share of one peer is taken".to_owned())));
    Client::greet(&mut node, HONEST, Time(0)).expect("what is left is for others");
}

/// What the node has for a connection that is over.
fn last_words(node: &mut Node, line: ConnectionId) -> (FrameType, Option<Error>, String) {
    let mut bytes = vec![0; FRAME_BYTES_MAX];
    let count = node.transmit(line, &mut bytes, Time(0));
    let Ok(Decoded::Frame { header, payload }) = decode_frame(&bytes[..count], PAYLOAD_BYTES_MAX) else {
        panic!("no frame for {line:?}");
    };
    let fault = Fault::decode(payload).expect("a fault");
    (header.frame_type, fault.error(), fault.text.to_owned())
}

#[test]
fn the_oldest_greeting_makes_room() {
    let (mut node, _) = node();
    let peers = (0..).map(Peer::User);
    let lines =
        Vec::from_iter(peers.take(CONNECTIONS).map(|peer| node.connect(peer, Time(0)).expect("room")));
    let newcomer = node.connect(HONEST, Time(0)).expect("the place of the oldest");
    let why = (FrameType::Refuse, Some(Error::HandshakeTimeout), "others have called".to_owned());
    assert_eq!(last_words(&mut node, lines[0]), why);
    assert!(node.is_over(lines[0]) && node.is_greeting(lines[1]) && node.is_greeting(newcomer));
    assert_eq!(node.counters().greetings_evicted, 1);
}

#[test]
fn one_peer_takes_no_more_than_its_share_of_greetings() {
    let (mut node, _) = node();
    let honest = node.connect(HONEST, Time(0)).expect("room");
    let lines = Vec::from_iter((0..2_000).map(|_| {
        let line = node.connect(STRANGER, Time(0)).expect("the place of its own oldest");
        for over in (1..line.0).map(ConnectionId).filter(|&line| line != honest) {
            if node.is_over(over) {
                node.disconnect(over, Time(0));
            }
        }
        line
    }));
    let (gone, left) = lines.split_at(lines.len() - SHARE);
    assert!(gone.iter().all(|&line| node.is_over(line)) && left.iter().all(|&line| node.is_greeting(line)));
    assert!(node.is_greeting(honest));
    assert_eq!(node.connection_count(), 1 + SHARE);
}

#[test]
fn connections_that_carry_sessions_do_not_make_room() {
    let (mut node, _) = node();
    let mut clients = Vec::new();
    for peer in 0..SESSIONS as u32 {
        clients.push(Client::greet(&mut node, Peer::User(peer), Time(0)).expect("a session"));
    }
    let idle: Vec<_> = (10..14).map(|peer| node.connect(Peer::User(peer), Time(0)).expect("room")).collect();
    for (line, peer) in idle.into_iter().zip(20..) {
        node.connect(Peer::User(peer), Time(0)).expect("the place of a greeting");
        assert!(node.is_over(line));
    }
    assert!(clients.iter().all(|client| !node.is_over(client.line)));
    // Nor is the room of those that were refused, and have not been dropped yet, without end.
    let refusals = (0..2 * CONNECTIONS).map(|_| node.connect(STRANGER, Time(0)));
    assert!(refusals.filter(|refusal| *refusal == Err(Refusal::Full)).count() >= CONNECTIONS);
}

#[test]
fn refused_connections_that_never_read_are_connections_too() {
    let (mut node, _) = node();
    let mut lines = Vec::new();
    for _ in 0..10 * CONNECTIONS {
        if let Ok(line) = node.connect(STRANGER, Time(1)) {
            node.receive(line, &[0xFF; 64], Time(1));
            lines.push(line);
        }
        assert!(node.connection_count() <= 2 * CONNECTIONS);
    }
    assert_eq!(node.connect(HONEST, Time(2)), Err(Refusal::Full));
    for line in lines {
        node.disconnect(line, Time(2));
    }
    assert!(node.connect(HONEST, Time(3)).is_ok());
}
