//! Enums whose variants have values on the wire.

/// Declares an enum with the values of its variants once: the enum, `ALL` in the order of the values, `code` and
/// `from_code`.
macro_rules! coded {
    ($(#[$attribute:meta])* pub enum $type:ident { $($(#[$of_variant:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$attribute])*
        #[repr(u16)]
        pub enum $type {
            $($(#[$of_variant])* $variant = $code,)+
        }

        impl $type {
            /// All there are, in the order of their values.
            pub const ALL: [Self; [$($code),+].len()] = [$(Self::$variant),+];

            /// The value on the wire.
            pub fn code(self) -> u16 {
                self as u16
            }

            /// The one with that value, if there is one.
            pub fn from_code(code: u32) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use coded;
