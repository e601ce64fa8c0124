//! Enums whose variants have names that users type.

/// Gives an enum its names: `ALL`, `name`, `Display` and `FromStr`, and, where the C headers have the same enum,
/// `to_raw`. The list must be complete: the match over it is.
///
/// `named!(Type, "what it is", c_type; Variant "name" C_VALUE, …)`, or the same without the C names.
macro_rules! named {
    ($type:ident, $what:literal; $($variant:ident $name:literal),+ $(,)?) => {
        impl $type {
            /// Every value, in the order in which errors list them.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// The name that [`FromStr`](std::str::FromStr) takes.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = crate::error::Error;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                let (_, expected) = concat!($(", ", $name),+).split_at(2);
                Self::ALL.into_iter().find(|value| value.name() == name).ok_or_else(|| Self::Err::Name {
                    what: $what,
                    found: name.to_owned(),
                    expected,
                })
            }
        }
    };
    ($type:ident, $what:literal, $raw:ident; $($variant:ident $name:literal $value:ident),+ $(,)?) => {
        crate::names::named!($type, $what; $($variant $name),+);

        impl $type {
            /// The value of the C headers.
            pub(crate) fn to_raw(self) -> outrider_sys::$raw {
                match self {
                    $(Self::$variant => outrider_sys::$raw::$value,)+
                }
            }
        }
    };
}

pub(crate) use named;
