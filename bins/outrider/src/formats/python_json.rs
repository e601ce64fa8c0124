//! JSON as Python's `json.dumps` writes it: plain ASCII, floats by `repr`, and separators as they are asked for.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::formats::numbers::python_repr;

/// What stands between members, and between a name and its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Separators {
    comma: &'static str,
    colon: &'static str,
}

impl Separators {
    /// Those that `json.dumps` has if it is not told others.
    pub(crate) const SPACED: Self = Self { comma: ", ", colon: ": " };
    /// Those without blanks.
    pub(crate) const COMPACT: Self = Self { comma: ",", colon: ":" };
}

/// The text of a value. Names of members have to be text.
pub(crate) fn python_json(value: &impl Serialize, separators: Separators) -> String {
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    let _ = value.serialize(&mut Serializer::with_formatter(&mut text, separators));
    // Every byte of it is ASCII.
    String::from_utf8(text).unwrap_or_default()
}

impl Formatter for Separators {
    fn begin_array_value<W: ?Sized + Write>(&mut self, text: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { text.write_all(self.comma.as_bytes()) }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, text: &mut W, first: bool) -> io::Result<()> {
        self.begin_array_value(text, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, text: &mut W) -> io::Result<()> {
        text.write_all(self.colon.as_bytes())
    }

    fn write_f64<W: ?Sized + Write>(&mut self, text: &mut W, value: f64) -> io::Result<()> {
        text.write_all(python_repr(value).as_bytes())
    }

    /// What is not printable ASCII is escaped, in UTF-16. Quotes, backslashes and the controls that have names are by
    /// serde_json, which writes them as Python does.
    fn write_string_fragment<W: ?Sized + Write>(&mut self, text: &mut W, fragment: &str) -> io::Result<()> {
        for unit in fragment.encode_utf16() {
            match u8::try_from(unit) {
                Ok(plain @ b' '..=b'~') => text.write_all(&[plain])?,
                _ => write!(text, "\\u{unit:04x}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_is_that_of_python() {
        for (value, spaced) in [
            (json!("a\"b\\c\nd\u{e9}\u{1f600}\u{7f}"), r#""a\"b\\c\nd\u00e9\ud83d\ude00\u007f""#),
            (json!("\u{0}\u{8}\t\u{b}\u{c}\r\u{1f}/"), r#""\u0000\b\t\u000b\f\r\u001f/""#),
            (json!([1, -2, 1e16, 0.5, 1e-7, 3.0]), "[1, -2, 1e+16, 0.5, 1e-07, 3.0]"),
            (
                json!({ "a": null, "b\u{df}": [true, {}], "c": [] }),
                r#"{"a": null, "b\u00df": [true, {}], "c": []}"#,
            ),
            (json!(u64::MAX), "18446744073709551615"),
        ] {
            assert_eq!(python_json(&value, Separators::SPACED), spaced);
        }
        assert_eq!(
            python_json(&json!({ "a": [1, 2], "b": 0.1 }), Separators::COMPACT),
            r#"{"a":[1,2],"b":0.1}"#
        );
    }
}
