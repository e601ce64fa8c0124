use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning};

/// Which kind of network a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NetworkKind {
    /// An [`EventNetwork`](crate::EventNetwork).
    Event,
    /// A [`DenseNetwork`](crate::DenseNetwork).
    Dense,
}

impl NetworkKind {
    /// Looks at the names in a file's bytes; the kind's reader may still refuse the file.
    ///
    /// # Errors
    /// [`Truncated`](crate::Status::Truncated), [`Format`](crate::Status::Format) or
    /// [`Limit`](crate::Status::Limit) for files too torn or damaged to tell, and for those of neither kind.
    pub fn of(bytes: &[u8]) -> Result<Self, Error> {
        let (mut raw, mut details) = (sys::otr_network_kind::OTR_NETWORK_EVENT, Details::new());
        // SAFETY: bytes come with their count; the outputs are ours.
        let status = unsafe {
            sys::otr_network_kind_of(&mut raw, bytes.as_ptr().cast(), bytes.len(), details.as_mut_ptr())
        };
        details.check(status, LineMeaning::Line)?;
        Ok(if raw == sys::otr_network_kind::OTR_NETWORK_DENSE { Self::Dense } else { Self::Event })
    }
}
