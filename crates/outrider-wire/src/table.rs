//! The open streams of a session. They are few: a sorted list is searched faster than anything cleverer.

use crate::error::Error;
use crate::ids::StreamId;

#[derive(Debug)]
pub(crate) struct Table<S> {
    streams: Vec<(StreamId, S)>,
}

/// How a stream stands. Each side learns of the other's steps later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamState {
    /// The node has yet to take it.
    Opening,
    Open,
    /// The node has ended it.
    Ended,
    /// The client has ended it.
    Closing,
}

impl<S> Table<S> {
    pub(crate) fn new() -> Self {
        Self { streams: Vec::new() }
    }

    pub(crate) fn find(&mut self, id: StreamId) -> Result<&mut S, Error> {
        match self.place(id) {
            Ok(place) => Ok(&mut self.streams[place].1),
            Err(_) => Err(Error::UnknownStream),
        }
    }

    /// Whether there is room for that stream.
    pub(crate) fn check_insert(&self, id: StreamId, streams_max: u32) -> Result<usize, Error> {
        match self.place(id) {
            Ok(_) => Err(Error::StreamExists),
            Err(_) if self.streams.len() >= streams_max as usize => Err(Error::StreamsFull),
            Err(place) => Ok(place),
        }
    }

    pub(crate) fn insert(&mut self, place: usize, id: StreamId, stream: S) {
        self.streams.insert(place, (id, stream));
    }

    pub(crate) fn remove(&mut self, id: StreamId) {
        self.streams.retain(|(other, _)| *other != id);
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (StreamId, &mut S)> {
        self.streams.iter_mut().map(|(id, stream)| (*id, stream))
    }

    fn place(&self, id: StreamId) -> Result<usize, usize> {
        self.streams.binary_search_by_key(&id, |(other, _)| *other)
    }
}
